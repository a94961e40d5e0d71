//! The texts of `query` around the facts.

use super::{Words, label};
use crate::model::language::Language;
use crate::model::outcome::FetchError;
use crate::model::reading::Stage;

texts! {
    losses_of(app, region, from, to): "{app} in {region}, {from} to {to}", "{app}（{region}），{from} 至 {to}";
    nothing: "nothing was lost, or nothing was sent", "没有丢失，或没有发送推送";
    not_sent(count, part): "{count} not sent: {part}", "未发送 {count}：{part}";
    not_delivered(count, part): "{count} sent and not delivered: {part}", "已发送但未送达 {count}：{part}";
    part(percent, count, of): "{percent} of {count} {of}", "占 {count} 条{of}推送的 {percent}";
    part_of(count, of): "of {count} {of}", "共 {count} 条{of}推送";
    part_unknown(of): "of an unknown number {of}", "{of}推送的数量未知";
    small(rows; s, count):
        "+ {count} in {rows} row{s} under 1 % (--all shows them)",
        "+ {count}：另有 {rows} 行不到 1 %（用 --all 显示）";
    churn(rows; s, count):
        "+ {count} in {rows} row{s} of churn: the app or the device is gone (--all shows them)",
        "+ {count}：另有 {rows} 行正常流失，应用或设备已不在（用 --all 显示）";
}

impl Words {
    /// The head of the table of losses.
    pub fn header(&self) -> [&'static str; 7] {
        [
            ("PLATFORM", "平台"),
            ("CODE", "错误码"),
            ("COUNT", "数量"),
            ("SHARE", "占比"),
            ("STAGE", "阶段"),
            ("CLASS", "类别"),
            ("DESCRIPTION", "描述"),
        ]
        .map(|texts| self.pick(texts))
    }

    /// A count, the stage, and its fraction of the pushes that could be lost.
    pub fn total(&self, count: u64, stage: Stage, part: &str) -> String {
        match stage {
            Stage::ReadyToSend => self.not_sent(count, part),
            Stage::PostSendDelivered => self.not_delivered(count, part),
        }
    }

    /// The total that losses are counted against: `sent` or `sendable`.
    pub fn step<'a>(&self, of: &'a str) -> &'a str {
        let chinese = if of == "sent" {
            "已发送"
        } else {
            "可发送"
        };
        self.pick((of, chinese))
    }

    /// What happened and what to do.
    pub fn failure(&self, error: &FetchError) -> String {
        let [message, advice] = [&error.message, &error.advice].map(|text| self.told(text));
        match self.language {
            Language::English => format!("{error}; {advice}"),
            Language::Chinese => {
                let name = self.beside(
                    self.outcome(error.outcome),
                    label(error.outcome, error.code),
                );
                format!("{name}：{message}；{advice}")
            }
        }
    }
}
