//! What codes mean, and how the service describes them.

use super::{Family, Sink, Writer, gauge, labels};
use crate::model::reading::LossKey;

pub const CODE_INFO: Family = gauge(
    "timpush_error_code_info",
    "1; the class of an error code that is served now, from the built-in catalogue. platform=\"all\" is for the overall rows.",
);
const DESCRIPTION_INFO: Family = gauge(
    "timpush_error_description_info",
    "1; the service's most frequent description of an error code (ErrInfo) in the latest window. platform=\"all\" is for the overall rows.",
);

/// Writes the classes of the codes that are served, see [`Writer::codes`].
pub(in crate::metrics) fn write_codes<'a>(
    codes: impl Iterator<Item = &'a LossKey>,
    sink: &mut impl Sink,
) {
    sink.family(CODE_INFO);
    for key in codes {
        labels::class(key, |labels| sink.sample(labels, 1.0));
    }
}

impl Writer<'_> {
    pub(super) fn descriptions(&self, sink: &mut impl Sink) {
        sink.family(DESCRIPTION_INFO);
        for (key, loss) in self
            .loss_rows()
            .filter(|(_, loss)| !loss.description.is_empty())
        {
            labels::description(self.id, key, &loss.description, |labels| {
                sink.sample(labels, 1.0);
            });
        }
    }
}
