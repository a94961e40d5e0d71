//! What codes mean, and how the service describes them.

use super::{Sink, Writer, labels};
use crate::families::knowledge;
use crate::model::reading::LossKey;

/// Writes the classes of the codes that are served, see [`Writer::codes`].
pub(in crate::metrics) fn write_codes<'a>(
    codes: impl Iterator<Item = &'a LossKey>,
    sink: &mut impl Sink,
) {
    sink.family(knowledge::CODE_INFO);
    for key in codes {
        labels::class(key, |labels| sink.sample(labels, 1.0));
    }
}

impl Writer<'_> {
    pub(super) fn descriptions(&self, sink: &mut impl Sink) {
        sink.family(knowledge::DESCRIPTION_INFO);
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
