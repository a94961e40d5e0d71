//! The names of states, stages, classes and outcomes.

use super::Words;
use crate::model::catalogue::CodeClass;
use crate::model::outcome::Outcome;
use crate::model::reading::{Api, Measure, Stage};
use crate::status::{Concern, Level, State};

impl Words {
    pub fn level(&self, level: Level) -> &'static str {
        self.pick(match level {
            Level::Good => ("All good", "一切正常"),
            Level::Waiting => ("Not known yet", "尚不清楚"),
            Level::Warning => ("Worth a look", "值得关注"),
            Level::Bad => ("Action needed", "需要处理"),
        })
    }

    pub fn state(&self, state: State) -> &'static str {
        self.pick(match state {
            State::Failing => ("cannot be asked", "无法查询"),
            State::Losing => ("losing pushes", "正在丢失推送"),
            State::Rising => ("losses rise", "丢失上升"),
            State::Over => ("was losing pushes", "曾丢失推送"),
            State::Partial => ("answers in part", "部分可查询"),
            State::Waiting => ("not asked yet", "尚未查询"),
            State::Good => ("good", "正常"),
        })
    }

    /// Why a loss deserves attention.
    pub fn concern(&self, concern: Concern) -> Option<&'static str> {
        Some(self.pick(match concern {
            Concern::Repair => ("Repair this", "需要修复"),
            Concern::Rising => ("Rising", "上升"),
            Concern::Over => ("Over", "已结束"),
            Concern::Steady => return None,
        }))
    }

    /// When the push was lost.
    pub fn stage(&self, stage: Stage) -> &'static str {
        self.pick(match stage {
            Stage::ReadyToSend => ("before sending", "发送前"),
            Stage::PostSendDelivered => ("after sending", "发送后"),
        })
    }

    /// The pushes that can be lost at the stage.
    pub fn pushes(&self, stage: Stage) -> &'static str {
        self.pick(match stage {
            Stage::ReadyToSend => ("sendable pushes", "可发送的推送"),
            Stage::PostSendDelivered => ("pushes sent", "已发送的推送"),
        })
    }

    /// The queried data, by its label.
    pub fn api(&self, api: Api) -> &'static str {
        match api.measure() {
            Measure::Losses => self.losses(),
            Measure::Funnel => self.statistics(),
        }
    }

    /// The cause, before the code.
    pub fn cause(&self, class: CodeClass) -> &'static str {
        self.pick(match class {
            CodeClass::Credential => ("credential refused", "凭据被拒绝"),
            CodeClass::Permission => ("right missing", "缺少权限"),
            CodeClass::Config => ("setting wrong", "配置有误"),
            CodeClass::Content => ("content refused", "内容被拒绝"),
            CodeClass::TokenInvalid => ("tokens invalid", "token 失效"),
            CodeClass::Quota => ("quota used up", "配额用尽"),
            CodeClass::DeviceState => ("devices not reached", "设备未送达"),
            CodeClass::VendorTransient => ("vendor in trouble", "厂商故障"),
            CodeClass::Unknown => ("reason unknown", "原因不明"),
        })
    }

    /// Who has to act on a loss.
    pub fn class(&self, class: CodeClass) -> &'static str {
        self.pick(match class {
            CodeClass::TokenInvalid => (
                "The app or the device is gone: churn, not a fault.",
                "应用或设备已不在：正常流失，不是故障。",
            ),
            CodeClass::Credential => (
                "A certificate, key or secret at the vendor: you can repair it.",
                "厂商侧的证书、密钥或密码：可以修复。",
            ),
            CodeClass::Permission => (
                "A right that the vendor withholds: you can apply for it.",
                "厂商未授予的权限：可以申请。",
            ),
            CodeClass::Config => (
                "A setting in the app or in a console: you can correct it.",
                "应用或控制台中的设置：可以更正。",
            ),
            CodeClass::Content => (
                "The message itself: whoever sends it can change it.",
                "消息本身：发送方可以修改。",
            ),
            CodeClass::Quota => (
                "Too many messages: send less, or ask the vendor for more.",
                "消息过多：减少发送，或向厂商申请更多配额。",
            ),
            CodeClass::DeviceState => (
                "The device is off, or its user wants no pushes: normal.",
                "设备已关机，或用户不接收推送：正常。",
            ),
            CodeClass::VendorTransient => (
                "The vendor's own trouble: wait.",
                "厂商自身的故障：请等待。",
            ),
            CodeClass::Unknown => (
                "The code alone does not say who can do something.",
                "仅凭错误码无法判断由谁处理。",
            ),
        })
    }

    /// The kind of failure, before its label.
    pub fn outcome(&self, outcome: Outcome) -> &'static str {
        self.pick(match outcome {
            Outcome::Ok => ("success", "成功"),
            Outcome::RateLimited => ("too many calls", "调用过于频繁"),
            Outcome::Auth => ("authentication failed", "鉴权失败"),
            Outcome::Permission => ("access denied", "没有访问权限"),
            Outcome::NotEnabled => ("feature not enabled", "功能未开通"),
            Outcome::BadRequest => ("request refused", "请求被拒绝"),
            Outcome::Transient => ("service in trouble", "服务端故障"),
            Outcome::UnknownCode => ("unknown error", "未知错误"),
            Outcome::Timeout => ("no answer in time", "应答超时"),
            Outcome::Connect => ("no connection", "无法连接"),
            Outcome::Tls => ("no secure connection", "无法建立安全连接"),
            Outcome::HttpStatus => ("HTTP error", "HTTP 错误"),
            Outcome::Malformed => ("answer not understood", "应答无法解析"),
            Outcome::TooLarge => ("answer too large", "应答过大"),
            Outcome::Local => ("this machine in trouble", "本机故障"),
        })
    }
}
