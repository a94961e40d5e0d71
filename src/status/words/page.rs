//! The page's texts around the facts.

use super::Words;

texts! {
    push_loss: "push loss", "推送丢失";
    skip: "Skip to the facts", "跳到正文";
    pages: "Pages", "页面";
    metrics: "Metrics", "指标";
    health: "Health", "存活";
    readiness: "Readiness", "就绪";
    help: "Help", "帮助";
    /// The page in the other language, in that language.
    other_language: "中文", "English";
    no_such_app: "No such app", "没有该应用";
    unknown_app(app): "There is no app “{app}” here.", "这里没有应用“{app}”。";
    renamed: "It may have been renamed or removed from the configuration.", "它可能已改名，或已从配置中删除。";
    show_all: "Show all apps", "显示所有应用";
    first: "What to do first", "首先处理";
    more_below(count): "{count} more below, at the targets.", "另有 {count} 项，见下方各目标。";
    what_to_do: "What to do:", "处理建议：";
    app: "App", "应用";
    all_apps(count): "all {count} apps", "全部 {count} 个应用";
    show: "Show", "显示";
    as_of: "As of", "截至";
    not_refreshing: "Not refreshing.", "不自动刷新。";
    refresh: "Refresh by itself", "自动刷新";
    refreshes: "Refreshes by itself every 30 s.", "每 30 秒自动刷新。";
    stop: "Stop refreshing", "停止刷新";
    of_app(app): "of {app}", "（{app}）";
    more_urgent(count; s): "{count} more target{s} that need somebody", "另有 {count} 个目标需要处理";
    more_calm(count; s): "{count} more target{s} that need nobody now", "另有 {count} 个目标暂时无需处理";
    one_cut:
        "1 more target that needs less attention is not on this page.",
        "另有 1 个不那么紧急的目标不在本页。";
    cut(count):
        "{count} more targets that need less attention are not on this page.",
        "另有 {count} 个不那么紧急的目标不在本页。";
    choose: "Choose an app above to see it, or read all as", "请在上方选择应用，或查看全部的";
    runbook: "Runbook", "处理手册";
    dashboard(app, region): "Dashboard of {app} in {region}", "{app}（{region}）的仪表盘";
    chart: "Chart:", "图表：";
    by_platform: "By platform:", "按平台：";
    described_as: "Described as", "服务端描述：";
    since: "since", "，开始于";
    last_answer: "last answer", "最近应答";
    no_answer: "no answer since the exporter started", "exporter 启动以来没有应答";
    window: "Window", "窗口";
    to: "to", "至";
    no_counts: "no counts to show", "没有可显示的计数";
    next_poll: "Next poll", "下次轮询";
    soon: "soon", "即将";
    tasks: "Tasks", "任务";
    lost(stage): "Lost {stage}", "{stage}丢失";
    earlier_error: "Earlier error, over now", "之前的错误，现已恢复";
    failing_since: "Failing since", "失败开始于";
    top_losses: "Top losses", "主要丢失";
    more_codes(count; s): "{count} more code{s}", "另有 {count} 个错误码";
    left_out(count; s): "{count} smaller row{s} not listed: see", "另有 {count} 行较小的丢失未列出，见";
    see_metrics: "the metrics", "指标";
    code(code): "Code {code}", "错误码 {code}";
    glossary: "What the words on this page mean", "本页用语说明";
    where_next: "Where to go from here", "更多信息";
    metrics_help: "for Prometheus, each with its help text.", "供 Prometheus 抓取，每个指标都有说明。";
    json_help: "The facts of this page as JSON", "本页数据的 JSON";
    query_help: "ask for the losses of another time, up to 7 days back.", "查询其他时间的丢失，最多 7 天前。";
    check_help: "find what is wrong with a configuration.", "检查配置中的错误。";
    usersig_help: "try a signature by hand when the service refuses it.", "服务端拒绝签名时，手动测试签名。";
    readme_help:
        "The README of the program: set-up, every setting and every metric.",
        "程序的 README：安装、所有设置和所有指标。";
}

/// Words and what they mean, each in English and in Chinese.
const TERMS: [[(&str, &str); 2]; 7] = [
    [
        ("Before sending", "发送前"),
        (
            "A push to a device that can be reached was not handed to the vendor's channel. The label is ready_to_send.",
            "设备可以推送，但推送没有交给厂商通道。标签为 ready_to_send。",
        ),
    ],
    [
        ("After sending", "发送后"),
        (
            "It was handed over, and the device never confirmed it. The label is post_send_delivered.",
            "推送已交给厂商通道，但设备没有确认收到。标签为 post_send_delivered。",
        ),
    ],
    [
        ("All platforms", "所有平台"),
        (
            "The service counts losses overall and by platform separately. The two do not add up, so never sum them. Vendors use the same numbers for different things: what a code means, its platform's row says.",
            "服务端分别统计总体和各平台的丢失。两者不相等，切勿相加。不同厂商的相同错误码含义不同：请看该平台的行。",
        ),
    ],
    [
        ("Repair this", "需要修复"),
        (
            "A loss that somebody can end, and of at least 1 % of the pushes: a refused credential or a missing right always, settings and contents when they rise or reach 5 %.",
            "有人可以解决、且至少占推送 1 % 的丢失：凭据被拒绝或缺少权限总是如此，设置和内容则在上升或达到 5 % 时如此。",
        ),
    ],
    [
        ("Rising", "上升"),
        (
            "At least 1 % of the pushes, and twice the part that it was when the chart begins.",
            "至少占推送的 1 %，且比例是图表起点的两倍。",
        ),
    ],
    [
        ("Over", "已结束"),
        (
            "One of the above in the window, but not in the last minutes: it stays until it has left the window. “Now” is about the last 5 to 10 minutes.",
            "窗口内有上述丢失，但最近几分钟没有：在移出窗口之前一直显示。“现在”指最近 5 到 10 分钟。",
        ),
    ],
    [
        ("Charts", "图表"),
        (
            "Counts in the rolling window, for the last 6 hours at most, since the exporter started. Neighbouring windows overlap.",
            "滚动窗口内的计数，自 exporter 启动起，最多最近 6 小时。相邻窗口互相重叠。",
        ),
    ],
];

impl Words {
    /// Words and what they mean.
    pub fn terms(&self) -> [(&'static str, &'static str); 7] {
        TERMS.map(|[word, meaning]| (self.pick(word), self.pick(meaning)))
    }
}
