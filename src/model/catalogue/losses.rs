//! Codes by which the REST API counts lost pushes, which are the vendors' own. They collide
//! between vendors, so they are looked up by stage, platform and code together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::reading::{ErrCode, Platform, Stage};

/// The value of the label `class`: who has to do something about a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeClass {
    /// The device or app is gone: churn.
    TokenInvalid,
    /// The app's certificate, key or secret at the vendor.
    Credential,
    /// A right that the vendor has not given, or has taken.
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

    /// The class of a code that stands for several reasons: theirs, if it is one; the most
    /// severe, if all of them need an operator; else unknown.
    fn of_all(classes: &[Self]) -> Self {
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

/// What a code of a lost push means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub class: CodeClass,
    pub meaning: String,
    pub advice: String,
}

/// A row of the embedded file: one reason behind a vendor's code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VendorCode {
    /// A platform's name, `tencent` for the service's own codes, or a vendor without a
    /// documented platform number.
    vendor: String,
    /// Text that is no number stands for a code that the documents do not give.
    code: String,
    /// The vendor's name of the reason.
    reason: Option<String>,
    class: CodeClass,
    meaning: String,
    advice: String,
}

/// The service's own codes, which no vendor's share at the first stage.
const OWN: &str = "tencent";

static MEANINGS: LazyLock<BTreeMap<(String, String), Meaning>> = LazyLock::new(|| {
    let mut reasons: BTreeMap<(String, String), Vec<VendorCode>> = BTreeMap::new();
    for row in vendor_codes()
        .into_iter()
        .filter(|row| row.code.parse::<i64>().is_ok())
    {
        reasons
            .entry((row.vendor.clone(), row.code.clone()))
            .or_default()
            .push(row);
    }
    reasons
        .into_iter()
        .map(|(key, rows)| (key, merge(&rows)))
        .collect()
});

/// Names in lower case and their meanings, by vendor and code.
type Reasons = BTreeMap<(String, String), Vec<(String, Meaning)>>;

/// The single reasons of codes that stand for several, longer names first: one name may
/// begin another.
static REASONS: LazyLock<Reasons> = LazyLock::new(|| {
    let mut reasons = Reasons::new();
    for row in vendor_codes() {
        if let Some(reason) = &row.reason {
            let name = reason.to_ascii_lowercase();
            let meaning = Meaning {
                class: row.class,
                meaning: row.meaning,
                advice: row.advice,
            };
            reasons
                .entry((row.vendor, row.code))
                .or_default()
                .push((name, meaning));
        }
    }
    for reasons in reasons.values_mut() {
        reasons.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    }
    reasons
});

#[expect(clippy::expect_used, reason = "the embedded file is parsed by a test")]
fn vendor_codes() -> Vec<VendorCode> {
    serde_json::from_str(include_str!("vendor_codes.json")).expect("embedded data")
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

/// What `code` means at this stage on this platform; `None` is a row of the overall
/// arrays, where only the service's own codes are certain.
pub fn loss_code(stage: Stage, platform: Option<Platform>, code: &ErrCode) -> &'static Meaning {
    let of = |vendor: &str| MEANINGS.get(&(vendor.to_owned(), code.as_str().to_owned()));
    let own = match stage {
        Stage::ReadyToSend => of(OWN),
        Stage::PostSendDelivered => None,
    };
    own.or_else(|| of(platform?.name()?))
        .unwrap_or(match platform {
            Some(_) => &UNKNOWN,
            None => &UNCERTAIN,
        })
}

/// As [`loss_code`], but of a code that stands for several reasons the one that the
/// service's description names. Descriptions are the most frequent ones, so the class of
/// the code is not the reason's.
pub fn reason(
    stage: Stage,
    platform: Option<Platform>,
    code: &ErrCode,
    description: &str,
) -> &'static Meaning {
    let named = || {
        let vendor = platform?.name()?.to_owned();
        let reasons = REASONS.get(&(vendor, code.as_str().to_owned()))?;
        let text = description.to_ascii_lowercase();
        reasons
            .iter()
            .find(|(name, _)| text.contains(name))
            .map(|(_, meaning)| meaning)
    };
    match stage {
        Stage::ReadyToSend => None,
        Stage::PostSendDelivered => named(),
    }
    .unwrap_or_else(|| loss_code(stage, platform, code))
}

/// One meaning of all reasons that share a code.
fn merge(rows: &[VendorCode]) -> Meaning {
    let classes: Vec<CodeClass> = rows.iter().map(|row| row.class).collect();
    let class = CodeClass::of_all(&classes);
    match rows {
        [row] => Meaning {
            class,
            meaning: match &row.reason {
                Some(reason) => format!("{} ({reason})", row.meaning),
                None => row.meaning.clone(),
            },
            advice: row.advice.clone(),
        },
        rows => {
            let each = |text: fn(&VendorCode) -> &str| {
                let parts: Vec<String> = rows
                    .iter()
                    .map(|row| {
                        format!("{}: {}", row.reason.as_deref().unwrap_or("else"), text(row))
                    })
                    .collect();
                parts.join(" ")
            };
            Meaning {
                class,
                meaning: format!("One of several reasons. {}", each(|row| &row.meaning)),
                advice: format!("It depends on the description. {}", each(|row| &row.advice)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(stage: Stage, platform: Option<i64>, code: &str) -> &'static str {
        loss_code(stage, platform.map(Platform), &ErrCode::new(code))
            .class
            .as_str()
    }

    #[test]
    fn vendor_codes_say_what_they_mean_and_what_to_do() {
        let rows = vendor_codes();
        assert_eq!(rows.len(), 162);
        for row in rows {
            let texts = [&row.meaning, &row.advice];
            assert!(
                texts
                    .iter()
                    .all(|text| text.ends_with('.') && text.is_ascii()),
                "{} {}",
                row.vendor,
                row.code
            );
            let known = Platform::NAMES.contains(&row.vendor.as_str());
            assert!(
                known || ["tencent", "harmonyos"].contains(&row.vendor.as_str()),
                "{}",
                row.vendor
            );
        }
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
        let meaning = loss_code(Post, Some(Platform(1)), &ErrCode::new("403"));
        assert!(
            meaning.meaning.contains("BadCertificate: ") && meaning.advice.contains("Forbidden: ")
        );
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
