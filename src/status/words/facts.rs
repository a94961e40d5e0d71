//! Facts about targets and losses.

use super::Words;
use crate::status::Concern;
use crate::target::snapshot::Slope;

texts! {
    losses: "Losses", "丢失";
    statistics: "Statistics", "统计";
    /// The population of pushes that is not the usual one.
    all_user_pushes: "all-user pushes", "全员推送";

    all_platforms: "all platforms", "所有平台";
    no_platform: "no platform", "无平台";
    /// Devices not reached through a vendor's channel, since they are online.
    online: "online devices", "在线设备";
    /// The platforms that are not distinguished.
    other_platforms: "other platforms", "其他平台";
    platform(number): "platform {number}", "平台 {number}";

    seconds(number): "{number} s", "{number} 秒";
    minutes(number): "{number} min", "{number} 分钟";
    hours(number): "{number} h", "{number} 小时";
    days(number): "{number} days", "{number} 天";
    /// Before an upper limit, for a smaller number.
    under: "under ", "不到 ";
    now: "now", "现在";
    ago(time): "{time} ago", "{time}前";
    ahead(time): "in {time}", "{time}后";

    /// A text with an addition in parentheses.
    beside(text, more): "{text} ({more})", "{text}（{more}）";
    /// Between parts within parentheses.
    comma: ", ", "，";
    /// Between parts of a sentence.
    semicolon: "; ", "；";
    colon: ": ", "：";
    full_stop: ".", "。";
    sentence_gap: " ", "";
    /// Between names, except the last two.
    enumeration: ", ", "、";
    /// Names, the number of others, and the total.
    and_more(names, more, all): "{names} and {more} more", "{names} 等 {all} 个";
    /// The first of several names that contain commas, and the number of others.
    first_and_more(first, more): "{first}; and {more} more", "{first}；另有 {more} 个";

    rose(from, to, time): "rose from {from} to {to} in {time}", "{time}内从 {from} 升至 {to}";
    fell(from, to, time): "fell from {from} to {to} in {time}", "{time}内从 {from} 降至 {to}";
    steady(count, time): "steady around {count} for {time}", "{time}内稳定在 {count} 左右";
    at_most(trend, highest): "{trend}, at most {highest}", "{trend}，最高 {highest}";

    /// A platform, what happened there, and the code.
    headline(platform, cause, code): "{platform} {cause} ({code})", "{platform} {cause}（{code}）";
    at_stage(headline, stage): "{headline} {stage}", "{stage}：{headline}";
    /// A share and its total.
    share_of(share, pushes): "{share} of {pushes}", "占{pushes}的 {share}";
    of_losses(share, stage): "{share} of what is lost {stage}", "占{stage}丢失的 {share}";
    of_losses_on(share, stage, platform):
        "{share} of what is lost {stage} on {platform}",
        "占 {platform} {stage}丢失的 {share}";
    all_pushes(pushes): "all {pushes}", "所有{pushes}";
    pushes_on(pushes, platform): "{pushes} on {platform}", " {platform} {pushes}";
    lost_in_window(count): "{count} lost in the window", "窗口内丢失 {count}";
    a_minute_steady(rate): "{rate} a minute", "每分钟 {rate}";
    a_minute_rising(rate): "{rate} a minute, rising", "每分钟 {rate}，正在上升";
    a_minute_falling(rate): "{rate} a minute, falling", "每分钟 {rate}，正在下降";
    now_lost(rate): "now {rate}", "现在{rate}";
    goes_on_since(time): "since {time}, goes on", "从 {time}开始，仍在继续";
    goes_on_since_before(time): "since before {time}, goes on", "从 {time}之前开始，仍在继续";
    over_since(time): "over since {time}", "{time}结束";
    or_earlier: " or earlier", "或更早";
    began(time): "began {time}", "{time}开始";
    leaves_window(time): "leaves the window by {time}", "最晚 {time}移出窗口";
    nothing_now(advice): "Nothing now. If it comes back: {advice}", "现在无需处理。若再次出现：{advice}";
    first_poll: "the first poll comes within seconds", "首次轮询将在几秒内进行";
    nothing_stands_out(before, after):
        "nothing stands out; {before} lost before sending, {after} after",
        "没有异常；发送前丢失 {before}，发送后丢失 {after}";
    at_target(problem, target): "{problem}, at {target}", "{problem}，以 {target} 为例";

    answers: "answers", "有应答";
    not_asked: "not asked yet", "尚未查询";
    failed_once: "failed once", "失败 1 次";
    failed_often(times): "failed {times} times in a row", "连续失败 {times} 次";
    tasks_fail: "cannot all be queried", "有查询失败";
    tasks_watched(count): "{count} watched", "监控 {count} 个";
    tasks_not_dispatched(count): "{count} that the service could not dispatch", "{count} 个未能下发";
    tasks_left_out(count): "{count} left out", "{count} 个未监控";
    tasks_unknown(count): "{count} unknown to the service", "服务端不认识 {count} 个";

    no_target: "There is no target.", "没有目标。";
    all_good: "All targets answer, nothing stands out.", "所有目标都有应答，没有异常。";
    targets(count; s): "{count} target{s}", "{count} 个目标";
    only_target(does_not): "The only target {does_not}", "唯一的目标{does_not}";
    no_target_of(all, does): "None of the {all} targets {does}", "全部 {all} 个目标都{does}";
    some_targets(count, all, do_not): "{count} of {all} targets {do_not}", "{all} 个目标中有 {count} 个{do_not}";
    /// Which targets, and their names.
    of_these(targets, names): "{targets}: {names}.", "{targets}：{names}。";
    /// The number of these targets, and all targets.
    partial_of(count, targets, answer):
        "{count} of {targets} {answer} about losses, but not about statistics.",
        "{targets}中有 {count} 个只返回丢失，不返回统计。";
    pushes_of(count, apps): "Pushes of {count} of {apps} apps", "{apps} 个应用中有 {count} 个";
    are_lost_for(reasons): "are lost for {reasons} that you can repair", "正在丢失推送，原因可以修复";
    are_lost_more: "are lost more and more", "丢失的推送越来越多";
    were_lost: "were lost, but no longer are", "曾丢失推送，现已结束";
    are_lost(pushes, how, names): "{pushes} {how}: {names}.", "{pushes}{how}：{names}。";

    whether_unknown:
        "Whether a loss goes on is known once it grows, or was watched for 5 minutes without growing.",
        "丢失再次增加，或连续观察 5 分钟没有增加之后，才能判断是否仍在继续。";
    set_back(time, until):
        "This machine's clock had been ahead by {time} until {until}. Windows and counters follow the right time since then; check the time synchronisation.",
        "本机时钟曾快 {time}，直到 {until}。此后窗口和计数器使用正确的时间；请检查时间同步。";
    too_old(time):
        "The last good answer, of {time}, is too old to be shown. What was lost since is not known here.",
        "最近一次正常应答（{time}）已过时，不再显示。此后丢失了什么，这里无从得知。";
    nothing_lost(last):
        "Nothing was lost in this window, or nothing was sent. {last}",
        "该窗口内没有丢失，或没有发送推送。{last}";
    no_loss_seen: "No loss was seen since the exporter started.", "exporter 启动以来没有丢失。";
    latest_loss(time): "The latest window with a loss ended at {time}.", "最近一个有丢失的窗口结束于 {time}。";
    whole_days:
        "The service seems to tell only whole days apart: a window inside a day may show too little or too much.",
        "服务端似乎只区分整天：一天之内的窗口可能偏少或偏多。";
    without_counters:
        "Without counters this page can only speak of the whole window: not of what is lost now, since when, or whether it goes on.",
        "没有计数器时，本页只能说明整个窗口：无法说明现在丢失多少、从何时开始、是否仍在继续。";
    not_additive:
        "The service's counts do not add up over adjacent ranges, so there are no counters for this target.",
        "服务端相邻时间段的计数不能相加，因此该目标没有计数器。";
}

impl Words {
    /// `1,234 a minute, rising`.
    pub fn a_minute(&self, rate: f64, slope: Slope) -> String {
        let rate = self.rate(rate);
        match slope {
            Slope::Rising => self.a_minute_rising(rate),
            Slope::Falling => self.a_minute_falling(rate),
            Slope::Steady => self.a_minute_steady(rate),
        }
    }

    pub fn failed(&self, times: u32) -> String {
        match times {
            1 => self.failed_once().to_owned(),
            times => self.failed_often(times),
        }
    }

    /// The number of affected targets, and the number of all targets.
    pub fn cannot_be_asked(&self, count: usize, all: usize) -> String {
        let (cannot, can) = self.pick((
            ("cannot be asked", "can be asked"),
            ("无法查询", "无法查询"),
        ));
        self.negated(count, all, cannot, can)
    }

    /// The same of targets that were not polled yet, as a sentence.
    pub fn waiting(&self, count: usize, all: usize) -> String {
        let not_asked = if count == 1 {
            "was not asked yet"
        } else {
            "were not asked yet"
        };
        let (not_asked, asked) =
            self.pick(((not_asked, "was asked yet"), ("尚未查询", "尚未查询")));
        let waiting = self.negated(count, all, not_asked, asked);
        waiting + self.full_stop()
    }

    /// `2 of 3 targets cannot ...`, but `none of the 3 targets can ...`.
    fn negated(&self, count: usize, all: usize, some: &str, none: &str) -> String {
        match all {
            1 => self.only_target(some),
            _ if count == all => self.no_target_of(all, none),
            _ => self.some_targets(count, all, some),
        }
    }

    /// The number of targets without statistics, and the number of all targets.
    pub fn partial(&self, count: usize, all: usize) -> String {
        let answer = if count == 1 { "answers" } else { "answer" };
        self.partial_of(count, self.targets(all), answer)
    }

    /// A sentence about apps that lose pushes, by name, of a number of apps.
    pub fn losing(&self, concern: Concern, names: &[String], apps: usize) -> String {
        let reasons = match names {
            [_] => "a reason",
            _ => "reasons",
        };
        let how = match concern {
            Concern::Repair => self.are_lost_for(reasons),
            Concern::Rising => self.are_lost_more().to_owned(),
            Concern::Over | Concern::Steady => self.were_lost().to_owned(),
        };
        match apps {
            1 => self.are_lost(self.pick(("Pushes", "")), how, self.names(names)),
            apps => {
                let pushes = self.pushes_of(names.len(), apps);
                self.are_lost(pushes, how, self.semicolons(names))
            }
        }
    }
}
