//! Codes under which the REST API counts lost pushes. They are the vendors' own and collide
//! between vendors, so they are looked up by stage, platform and code together.

mod rows;

use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::reading::{ErrCode, Platform, Stage};
use rows::Entry;

/// The value of the label `class`: who must act on a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeClass {
    /// The device or app no longer exists: churn.
    TokenInvalid,
    /// The app's certificate, key or secret at the vendor.
    Credential,
    /// A permission that the vendor has not granted, or has revoked.
    Permission,
    /// A setting in the app or in a console.
    Config,
    /// The message itself.
    Content,
    /// Too many messages.
    Quota,
    /// The device is off, or its user does not want pushes.
    DeviceState,
    /// The vendor's own trouble.
    VendorTransient,
    Unknown,
}

impl CodeClass {
    pub const ALL: [Self; 9] = [
        Self::TokenInvalid,
        Self::Credential,
        Self::Permission,
        Self::Config,
        Self::Content,
        Self::Quota,
        Self::DeviceState,
        Self::VendorTransient,
        Self::Unknown,
    ];

    /// Classes that need an operator, the most severe first.
    const OPERATOR: [Self; 3] = [Self::Credential, Self::Permission, Self::Config];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenInvalid => "token_invalid",
            Self::Credential => "credential",
            Self::Permission => "permission",
            Self::Config => "config",
            Self::Content => "content",
            Self::Quota => "quota",
            Self::DeviceState => "device_state",
            Self::VendorTransient => "vendor_transient",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody can end such losses: at a vendor, in a console, or in what is sent.
    pub fn needs_operator(self) -> bool {
        self == Self::Content || Self::OPERATOR.contains(&self)
    }

    /// The class of a code with several reasons: theirs, if it is the same; the most severe,
    /// if all of them need an operator; else unknown.
    pub fn of_all(classes: &[Self]) -> Self {
        match classes {
            [first, rest @ ..] if rest.iter().all(|class| class == first) => *first,
            _ if classes.iter().all(|class| Self::OPERATOR.contains(class)) => Self::OPERATOR
                .into_iter()
                .find(|class| classes.contains(class))
                .unwrap_or(Self::Unknown),
            _ => Self::Unknown,
        }
    }
}

/// The meaning of a lost push's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub class: CodeClass,
    pub meaning: String,
    pub advice: String,
}

static UNKNOWN: LazyLock<Meaning> = LazyLock::new(|| {
    Meaning {
    class: CodeClass::Unknown,
    meaning: "A code that is not in the catalogue.".to_owned(),
    advice: "Look it up in the vendor's documentation, by its platform and description, and report it so that it is added."
        .to_owned(),
}
});

static UNCERTAIN: LazyLock<Meaning> = LazyLock::new(|| Meaning {
    class: CodeClass::Unknown,
    meaning: "A vendor's code, added up over all platforms.".to_owned(),
    advice: "Look at the same code by platform: vendors use the same numbers for different things."
        .to_owned(),
});

/// The service's own codes. No vendor uses them at the first stage.
const OWN: &str = "tencent";

/// Whether a code is one of the numbers that Huawei, HarmonyOS and Honor share.
fn is_shared(code: &str) -> bool {
    let rest = code.strip_prefix("80").or_else(|| code.strip_prefix("81"));
    rest.is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// The vendors whose rows apply to a platform's code, the nearest first. HarmonyOS has no
/// documented platform number: its pushes may be reported as Huawei's or under a new number.
fn vendors(platform: Platform, code: &str) -> impl Iterator<Item = &'static str> {
    let related: &[&str] = match platform.name() {
        Some("huawei") if is_shared(code) => &["harmonyos", "honor"],
        Some("huawei") => &["harmonyos"],
        Some("honor") if is_shared(code) => &["huawei", "harmonyos"],
        None if is_shared(code) && platform.is_vendors() => &["harmonyos", "huawei", "honor"],
        _ => &[],
    };
    let own = platform.name();
    own.into_iter().chain(related.iter().copied())
}

/// The catalogue's entries for a code, the nearest vendor's first.
fn entries(
    stage: Stage,
    platform: Option<Platform>,
    code: &ErrCode,
) -> impl Iterator<Item = &'static Entry> {
    let own = rows::entry(OWN, code.as_str(), stage);
    let platform = platform.filter(|_| own.is_none());
    let vendors = platform.map(|platform| vendors(platform, code.as_str()));
    let of = move |vendor: &str| rows::entry(vendor, code.as_str(), stage);
    let theirs = vendors.into_iter().flatten().filter_map(of);
    own.into_iter().chain(theirs)
}

/// The meaning that words in the service's description decide, whatever else the code stands
/// for. It exists only where the documents define such words: a description is the most
/// frequent one of its code, so most codes keep their class.
pub fn decided(
    stage: Stage,
    platform: Option<Platform>,
    code: &ErrCode,
    description: &str,
) -> Option<&'static Meaning> {
    if description.is_empty() {
        return None;
    }
    let text = description.to_ascii_lowercase();
    let mut known = false;
    for entry in entries(stage, platform, code) {
        if let Some(meaning) = entry.decided(&text) {
            return Some(meaning);
        }
        known |= entry.meaning().is_some();
    }
    // Reasons without a documented number apply only to codes that are otherwise unknown.
    let name = platform.filter(|_| !known)?.name()?;
    rows::entry(name, rows::ANY, stage)?.decided(&text)
}

/// The meaning of `code` at this stage on this platform with this description, which may be
/// empty. A `platform` of `None` is a row of the overall arrays, where only the service's own
/// codes are certain.
pub fn loss_code(
    stage: Stage,
    platform: Option<Platform>,
    code: &ErrCode,
    description: &str,
) -> &'static Meaning {
    decided(stage, platform, code, description)
        .or_else(|| entries(stage, platform, code).find_map(Entry::meaning))
        .unwrap_or(match platform {
            Some(_) => &UNKNOWN,
            None => &UNCERTAIN,
        })
}

/// Like [`loss_code`], but for a code with several reasons, the one that the service's
/// description names. Descriptions are the most frequent ones, so the class of the code is
/// not that of the reason.
pub fn reason(
    stage: Stage,
    platform: Option<Platform>,
    code: &ErrCode,
    description: &str,
) -> &'static Meaning {
    let text = description.to_ascii_lowercase();
    decided(stage, platform, code, description)
        .or_else(|| entries(stage, platform, code).find_map(|entry| entry.named(&text)))
        .unwrap_or_else(|| loss_code(stage, platform, code, description))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(stage: Stage, platform: Option<i64>, code: &str) -> &'static str {
        loss_code(stage, platform.map(Platform), &ErrCode::new(code), "")
            .class
            .as_str()
    }

    #[test]
    fn a_code_is_told_apart_by_stage_and_platform() {
        use Stage::{PostSendDelivered as Post, ReadyToSend as Ready};
        for (stage, platform, code, expected) in [
            (Ready, None, "-1", "config"),
            (Ready, None, "-2", "config"),
            (Ready, Some(1), "-1", "config"),
            (Ready, Some(9), "-2", "config"),
            (Ready, Some(6), "-2", "config"),
            (Post, Some(6), "-2", "quota"),
            (Post, Some(6), "-1", "vendor_transient"),
            (Post, Some(2), "-1", "unknown"),
            (Post, None, "-1", "unknown"),
            (Post, None, "410", "unknown"),
            (Post, Some(1), "410", "token_invalid"),
            (Post, Some(3), "410", "unknown"),
            (Post, Some(6), "1", "token_invalid"),
            (Post, Some(2), "1", "vendor_transient"),
            (Post, Some(6), "10000", "token_invalid"),
            (Post, Some(7), "10000", "credential"),
            (Ready, Some(7), "10000", "credential"),
            (Post, Some(7), "10205", "credential"),
            (Post, Some(3), "80300002", "permission"),
            (Post, Some(8), "80300010", "quota"),
            (Post, Some(3), "80000000", "unknown"),
            (Post, Some(3), "2", "token_invalid"),
            (Ready, Some(3), "2", "unknown"),
            (Post, Some(8), "3", "token_invalid"),
            (Post, Some(8), "2", "unknown"),
            (Post, Some(3), "80300036", "credential"),
            (Post, Some(8), "80300002", "permission"),
            (Post, Some(9), "80300002", "permission"),
            (Post, Some(9), "81000001", "vendor_transient"),
            (Post, Some(9), "2", "unknown"),
            (Post, Some(2), "80300002", "unknown"),
            (Post, Some(i64::MIN), "80300002", "unknown"),
            (Post, Some(0), "1", "unknown"),
            (Post, Some(6), "?", "unknown"),
        ] {
            assert_eq!(
                class(stage, platform, code),
                expected,
                "{stage} {platform:?} {code}"
            );
        }
    }

    #[test]
    fn several_reasons_are_one_class_only_when_they_agree_or_all_need_an_operator() {
        use Stage::PostSendDelivered as Post;
        assert_eq!(class(Post, Some(1), "400"), "unknown");
        assert_eq!(class(Post, Some(1), "429"), "unknown");
        assert_eq!(class(Post, Some(1), "403"), "credential");
        let meaning = loss_code(Post, Some(Platform(1)), &ErrCode::new("403"), "");
        assert!(
            meaning.meaning.contains("BadCertificate: ") && meaning.advice.contains("Forbidden: ")
        );
    }

    #[test]
    fn words_decide_a_class_only_where_a_vendor_overloads_its_code() {
        use Stage::PostSendDelivered as Post;
        let right = r#"{"failure":1,"illegalTokens":{"noPushTypeRight":["x"]}}"#;
        for (platform, code, description, expected) in [
            (3, "80300007", "", "token_invalid"),
            (3, "80300007", "all tokens are illegal", "token_invalid"),
            (3, "80300007", right, "permission"),
            (8, "80300007", "nopushtyperight", "permission"),
            (9, "80300007", right, "permission"),
            (9, "80300007", "", "token_invalid"),
            (6, "2", "user_daily_limit", "quota"),
            (6, "2", "", "unknown"),
            (6, "33", "user_daily_limit", "quota"),
            (6, "11", "user_daily_limit", "credential"),
            (7, "2", "user_daily_limit", "unknown"),
            (1, "400", "BadDeviceToken", "unknown"),
        ] {
            let (platform, code) = (Some(Platform(platform)), ErrCode::new(code));
            let class = loss_code(Post, platform, &code, description).class.as_str();
            assert_eq!(class, expected, "{platform:?} {code} {description}");
        }
        let (huawei, code) = (Some(Platform(3)), ErrCode::new("80300007"));
        let meaning = reason(Post, huawei, &code, right);
        assert!(meaning.advice.contains("notification categories"));
        assert_eq!(loss_code(Post, huawei, &code, right), meaning);
    }

    #[test]
    fn what_is_inferred_says_so() {
        let post = Stage::PostSendDelivered;
        let meaning = loss_code(post, Some(Platform(8)), &ErrCode::new("3"), "");
        assert_eq!(
            meaning.meaning,
            "Probably a receipt: the app is not installed."
        );
        let meaning = loss_code(post, Some(Platform(3)), &ErrCode::new("2"), "");
        assert!(!meaning.meaning.contains("Probably"), "{meaning:?}");
    }

    #[test]
    fn class_labels_are_the_contracts() {
        assert_eq!(
            CodeClass::ALL.map(CodeClass::as_str).join(" "),
            "token_invalid credential permission config content quota device_state vendor_transient unknown"
        );
    }

    #[test]
    fn a_description_picks_the_reason_that_it_names() {
        let of = |description: &str| {
            reason(
                Stage::PostSendDelivered,
                Some(Platform(1)),
                &ErrCode::new("403"),
                description,
            )
        };
        for (description, part) in [
            ("InvalidProviderToken", "p8 key again"),
            (
                r#"{"reason":"badcertificateenvironment"}"#,
                "for this environment",
            ),
            ("BadCertificate", "Renew it in place"),
            ("something else", "It depends on the description."),
            ("", "It depends on the description."),
        ] {
            let advice = &of(description).advice;
            assert!(advice.contains(part), "{description}: {advice}");
        }
    }
}
