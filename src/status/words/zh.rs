//! Simplified Chinese.

use super::sentences::chinese;
use super::{Losing, PageWords, QueryWords, Words, label};
use crate::model::catalogue::CodeClass;
use crate::model::outcome::Outcome;
use crate::model::push::Push;
use crate::model::reading::Stage;
use crate::status::{Level, State};
use crate::target::snapshot::Slope;

pub(super) const WORDS: Words = Words {
    page: PAGE,
    query: QUERY,
    told: chinese,

    level: |level| match level {
        Level::Good => "一切正常",
        Level::Waiting => "尚不清楚",
        Level::Warning => "值得关注",
        Level::Bad => "需要处理",
    },
    state: |state| match state {
        State::Failing => "无法查询",
        State::Losing => "正在丢失推送",
        State::Rising => "丢失上升",
        State::Over => "曾丢失推送",
        State::Partial => "部分可查询",
        State::Waiting => "尚未查询",
        State::Good => "正常",
    },
    stage: |stage| match stage {
        Stage::ReadyToSend => "发送前",
        Stage::PostSendDelivered => "发送后",
    },
    pushes: |stage| match stage {
        Stage::ReadyToSend => "可发送的推送",
        Stage::PostSendDelivered => "已发送的推送",
    },
    cause: |class| match class {
        CodeClass::Credential => "凭据被拒绝",
        CodeClass::Permission => "缺少权限",
        CodeClass::Config => "配置有误",
        CodeClass::Content => "内容被拒绝",
        CodeClass::TokenInvalid => "token 失效",
        CodeClass::Quota => "配额用尽",
        CodeClass::DeviceState => "设备未送达",
        CodeClass::VendorTransient => "厂商故障",
        CodeClass::Unknown => "原因不明",
    },
    class: |class| match class {
        CodeClass::TokenInvalid => "应用或设备已不在：正常流失，不是故障。",
        CodeClass::Credential => "厂商侧的证书、密钥或密码：可以修复。",
        CodeClass::Permission => "厂商未授予的权限：可以申请。",
        CodeClass::Config => "应用或控制台中的设置：可以更正。",
        CodeClass::Content => "消息本身：发送方可以修改。",
        CodeClass::Quota => "消息过多：减少发送，或向厂商申请更多配额。",
        CodeClass::DeviceState => "设备已关机，或用户不接收推送：正常。",
        CodeClass::VendorTransient => "厂商自身的故障：请等待。",
        CodeClass::Unknown => "仅凭错误码无法判断由谁处理。",
    },
    outcome: |outcome| match outcome {
        Outcome::Ok => "成功",
        Outcome::RateLimited => "调用过于频繁",
        Outcome::Auth => "鉴权失败",
        Outcome::Permission => "没有访问权限",
        Outcome::NotEnabled => "功能未开通",
        Outcome::BadRequest => "请求被拒绝",
        Outcome::Transient => "服务端故障",
        Outcome::UnknownCode => "未知错误",
        Outcome::Timeout => "应答超时",
        Outcome::Connect => "无法连接",
        Outcome::Tls => "无法建立安全连接",
        Outcome::HttpStatus => "HTTP 错误",
        Outcome::Malformed => "应答无法解析",
        Outcome::TooLarge => "应答过大",
        Outcome::Local => "本机故障",
    },
    losses: "丢失",
    statistics: "统计",
    push: |push| match push {
        Push::Normal => None,
        Push::AllMember => Some("全员推送"),
    },

    all_platforms: "所有平台",
    no_platform: "无平台",
    online: "在线设备",
    other_platforms: "其他平台",
    platform: |number| format!("平台 {number}"),

    duration: |seconds| match seconds {
        0..120 => format!("{seconds} 秒"),
        120..7200 => format!("{} 分钟", seconds / 60),
        7200..172_800 => format!("{} 小时", seconds / 3600),
        _ => format!("{} 天", seconds / 86_400),
    },
    under: "不到 ",
    now: "现在",
    ago: |time| format!("{time}前"),
    ahead: |time| format!("{time}后"),
    beside: |text, more| format!("{text}（{more}）"),
    comma: "，",
    semicolon: "；",
    list: |names| names.join("、"),
    enumeration: "、",
    and_more: |names, _, all| format!("{names} 等 {all} 个"),
    first_and_more: |first, more| format!("{first}；另有 {more} 个"),

    rose: |from, to, time| format!("{time}内从 {from} 升至 {to}"),
    fell: |from, to, time| format!("{time}内从 {from} 降至 {to}"),
    steady: |count, time| format!("{time}内稳定在 {count} 左右"),
    at_most: |trend, highest| format!("{trend}，最高 {highest}"),

    headline: |platform, cause, code| format!("{platform} {cause}（{code}）"),
    at_stage: |headline, stage| format!("{stage}：{headline}"),
    share_of: |share, pushes| format!("占{pushes}的 {share}"),
    of_losses: |share, stage| format!("占{stage}丢失的 {share}"),
    of_losses_on: |share, stage, platform| format!("占 {platform} {stage}丢失的 {share}"),
    all_pushes: |pushes| format!("所有{pushes}"),
    pushes_on: |pushes, platform| format!(" {platform} {pushes}"),
    lost_in_window: |count| format!("窗口内丢失 {count}"),
    a_minute: |rate, slope| match slope {
        Slope::Rising => format!("每分钟 {rate}，正在上升"),
        Slope::Falling => format!("每分钟 {rate}，正在下降"),
        Slope::Steady => format!("每分钟 {rate}"),
    },
    now_lost: |rate| format!("现在{rate}"),
    goes_on_since: |time| format!("从 {time}开始，仍在继续"),
    goes_on_since_before: |time| format!("从 {time}之前开始，仍在继续"),
    over_since: |time| format!("{time}结束"),
    or_earlier: "或更早",
    began: |time| format!("{time}开始"),
    leaves_window: |time| format!("最晚 {time}移出窗口"),
    nothing_now: |advice| format!("现在无需处理。若再次出现：{advice}"),
    first_poll: "首次轮询将在几秒内进行",
    nothing_stands_out: |before, after| {
        format!("没有异常；发送前丢失 {before}，发送后丢失 {after}")
    },
    colon: "：",
    at_target: |problem, target| format!("{problem}，以 {target} 为例"),

    answers: "有应答",
    not_asked: "尚未查询",
    failed: |times| match times {
        1 => "失败 1 次".to_owned(),
        times => format!("连续失败 {times} 次"),
    },

    no_target: "没有目标。",
    all_good: "所有目标都有应答，没有异常。",
    cannot_be_asked: |count, all| some_of(count, all, "无法查询"),
    because: |cannot, reason, names| {
        if reason.is_empty() {
            format!("{cannot}：{names}。")
        } else {
            format!("{cannot}（{reason}）：{names}。")
        }
    },
    partial: |count, all| format!("{all} 个目标中有 {count} 个只返回丢失，不返回统计。"),
    waiting: |count, all| format!("{}。", some_of(count, all, "尚未查询")),
    losing: Losing {
        one_app: |names, _| format!("正在丢失推送，原因可以修复：{names}。"),
        apps: |count, all, names| {
            format!("{all} 个应用中有 {count} 个正在丢失推送，原因可以修复：{names}。")
        },
    },
    rising: Losing {
        one_app: |names, _| format!("丢失的推送越来越多：{names}。"),
        apps: |count, all, names| {
            format!("{all} 个应用中有 {count} 个丢失的推送越来越多：{names}。")
        },
    },
    over: Losing {
        one_app: |names, _| format!("曾丢失推送，现已结束：{names}。"),
        apps: |count, all, names| {
            format!("{all} 个应用中有 {count} 个曾丢失推送，现已结束：{names}。")
        },
    },
    sentence_gap: "",

    whether_unknown: "丢失再次增加，或连续观察 5 分钟没有增加之后，才能判断是否仍在继续。",
    set_back: |time, until| {
        format!(
            "本机时钟曾快 {time}，直到 {until}。此后窗口和计数器使用正确的时间；请检查时间同步。"
        )
    },
    too_old: |time| {
        format!("最近一次正常应答（{time}）已过时，不再显示。此后丢失了什么，这里无从得知。")
    },
    nothing_lost: |last| format!("该窗口内没有丢失，或没有发送推送。{last}"),
    no_loss_seen: "exporter 启动以来没有丢失。",
    latest_loss: |time| format!("最近一个有丢失的窗口结束于 {time}。"),
    whole_days: "服务端似乎只区分整天：一天之内的窗口可能偏少或偏多。",
    without_counters: "没有计数器时，本页只能说明整个窗口：无法说明现在丢失多少、从何时开始、是否仍在继续。",
    not_additive: "服务端相邻时间段的计数不能相加，因此该目标没有计数器。",
};

const PAGE: PageWords = PageWords {
    push_loss: "推送丢失",
    skip: "跳到正文",
    pages: "页面",
    metrics: "指标",
    health: "存活",
    readiness: "就绪",
    help: "帮助",
    other_language: "English",
    no_such_app: "没有该应用",
    unknown_app: |app| format!("这里没有应用“{app}”。"),
    renamed: "它可能已改名，或已从配置中删除。",
    show_all: "显示所有应用",
    first: "首先处理",
    more_below: |count| format!("另有 {count} 项，见下方各目标。"),
    what_to_do: "处理建议：",
    app: "应用",
    all_apps: |count| format!("全部 {count} 个应用"),
    show: "显示",
    as_of: "截至",
    not_refreshing: "不自动刷新。",
    refresh: "自动刷新",
    refreshes: "每 30 秒自动刷新。",
    stop: "停止刷新",
    full_stop: "。",
    targets: |count| format!("{count} 个目标"),
    of_app: |app| format!("（{app}）"),
    more_urgent: |count| format!("另有 {count} 个目标需要处理"),
    more_calm: |count| format!("另有 {count} 个目标暂时无需处理"),
    cut: |count| format!("另有 {count} 个不那么紧急的目标不在本页。"),
    choose: "请在上方选择应用，或查看全部的",
    runbook: "处理手册",
    dashboard: |app, region| format!("{app}（{region}）的仪表盘"),
    chart: "图表：",
    by_platform: "按平台：",
    described_as: "服务端描述：",
    since: "，开始于",
    last_answer: "最近应答",
    no_answer: "exporter 启动以来没有应答",
    window: "窗口",
    to: "至",
    no_counts: "没有可显示的计数",
    next_poll: "下次轮询",
    soon: "即将",
    tasks: "任务",
    tasks_fail: "有查询失败",
    tasks_watched: |count| format!("监控 {count} 个"),
    tasks_not_dispatched: |count| format!("{count} 个未能下发"),
    tasks_left_out: |count| format!("{count} 个未监控"),
    tasks_unknown: |count| format!("服务端不认识 {count} 个"),
    lost: |stage| format!("{stage}丢失"),
    earlier_error: "之前的错误，现已恢复",
    failing_since: "失败开始于",
    top_losses: "主要丢失",
    more_codes: |count| format!("另有 {count} 个错误码"),
    left_out: |count| format!("另有 {count} 行较小的丢失未列出，见"),
    see_metrics: "指标",
    repair_this: "需要修复",
    rising: "上升",
    over: "已结束",
    code: |code| format!("错误码 {code}"),
    comma: "，",
    glossary: "本页用语说明",
    terms: [
        (
            "发送前",
            "设备可以推送，但推送没有交给厂商通道。标签为 ready_to_send。",
        ),
        (
            "发送后",
            "推送已交给厂商通道，但设备没有确认收到。标签为 post_send_delivered。",
        ),
        (
            "所有平台",
            "服务端分别统计总体和各平台的丢失。两者不相等，切勿相加。不同厂商的相同错误码含义不同：请看该平台的行。",
        ),
        (
            "需要修复",
            "有人可以解决、且至少占推送 1 % 的丢失：凭据被拒绝或缺少权限总是如此，设置和内容则在上升或达到 5 % 时如此。",
        ),
        ("上升", "至少占推送的 1 %，且比例是图表起点的两倍。"),
        (
            "已结束",
            "窗口内有上述丢失，但最近几分钟没有：在移出窗口之前一直显示。“现在”指最近 5 到 10 分钟。",
        ),
        (
            "图表",
            "滚动窗口内的计数，自 exporter 启动起，最多最近 6 小时。相邻窗口互相重叠。",
        ),
    ],
    where_next: "更多信息",
    metrics_help: "供 Prometheus 抓取，每个指标都有说明。",
    json_help: "本页数据的 JSON",
    query_help: "查询其他时间的丢失，最多 7 天前。",
    check_help: "检查配置中的错误。",
    usersig_help: "服务端拒绝签名时，手动测试签名。",
    readme_help: "程序的 README：安装、所有设置和所有指标。",
};

const QUERY: QueryWords = QueryWords {
    of: |app, region, from, to| format!("{app}（{region}），{from} 至 {to}"),
    nothing: "没有丢失，或没有发送推送",
    total: |count, stage, part| match stage {
        Stage::ReadyToSend => format!("未发送 {count}：{part}"),
        Stage::PostSendDelivered => format!("已发送但未送达 {count}：{part}"),
    },
    part: |percent, of_count, of| format!("占 {of_count} 条{}推送的 {percent}", step(of)),
    part_of: |of_count, of| format!("共 {of_count} 条{}推送", step(of)),
    part_unknown: |of| format!("{}推送的数量未知", step(of)),
    header: ["平台", "错误码", "数量", "占比", "阶段", "类别", "描述"],
    small: |count, rows| format!("+ {count}：另有 {rows} 行不到 1 %（用 --all 显示）"),
    churn: |count, rows| {
        format!("+ {count}：另有 {rows} 行正常流失，应用或设备已不在（用 --all 显示）")
    },
    failed: |error| {
        let [message, advice] = [&error.message, &error.advice].map(|text| chinese(text));
        let name = (WORDS.outcome)(error.outcome);
        let label = label(error.outcome, error.code);
        format!("{name}（{label}）：{message}；{advice}")
    },
    what_to_do: "处理建议：",
};

/// The total that `query` counts losses against.
fn step(of: &str) -> &'static str {
    if of == "sent" {
        "已发送"
    } else {
        "可发送"
    }
}

/// `3 个目标中有 2 个……`, but `全部 3 个目标都……`.
fn some_of(count: usize, all: usize, verb: &str) -> String {
    match all {
        1 => format!("唯一的目标{verb}"),
        _ if count == all => format!("全部 {all} 个目标都{verb}"),
        _ => format!("{all} 个目标中有 {count} 个{verb}"),
    }
}
