//! What codes mean, and how the service describes them.

use std::borrow::Cow;

use super::{Family, Sink, Writer, gauge, row_labels};
use crate::model::catalogue::loss_code;
use crate::model::reading::{LossKey, Platform};

pub const CODE_INFO: Family = gauge(
    "timpush_error_code_info",
    "1; the class of an error code that is served now, from the built-in catalogue. platform=\"all\" is for the overall rows.",
);
const DESCRIPTION_INFO: Family = gauge(
    "timpush_error_description_info",
    "1; the service's most frequent description of an error code (ErrInfo) in the latest window. platform=\"all\" is for the overall rows.",
);
/// The label `platform` of the overall rows' knowledge.
const ALL_PLATFORMS: &str = "all";

/// Writes the classes of the codes that are served, see [`Writer::codes`].
pub(in crate::metrics) fn write_codes<'a>(
    codes: impl Iterator<Item = &'a LossKey>,
    sink: &mut impl Sink,
) {
    sink.family(CODE_INFO);
    for key in codes {
        let labels = code_labels(key);
        let labels = labels.each_ref().map(|(name, value)| (*name, &**value));
        sink.sample(&labels, 1.0);
    }
}

/// The labels of [`CODE_INFO`].
pub fn code_labels(key: &LossKey) -> [(&'static str, Cow<'_, str>); 4] {
    let LossKey {
        stage,
        platform,
        code,
    } = key;
    [
        ("stage", stage.as_str().into()),
        ("platform", platform_label(*platform).into()),
        ("err_code", code.as_str().into()),
        (
            "class",
            loss_code(*stage, *platform, code).class.as_str().into(),
        ),
    ]
}

impl Writer<'_> {
    pub(super) fn descriptions(&self, sink: &mut impl Sink) {
        sink.family(DESCRIPTION_INFO);
        for (key, loss) in self
            .loss_rows()
            .filter(|(_, loss)| !loss.description.is_empty())
        {
            let platform = platform_label(key.platform);
            let labels = row_labels(
                self.id,
                key,
                Some(&platform),
                [("err_info", loss.description.as_str())],
            );
            sink.sample(&labels, 1.0);
        }
    }
}

fn platform_label(platform: Option<Platform>) -> String {
    platform.map_or_else(|| ALL_PLATFORMS.to_owned(), |platform| platform.to_string())
}
