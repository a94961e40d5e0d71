//! Classes of error codes, and their descriptions by the service.

use super::{Encoder, Writer, labels};
use crate::families::knowledge;
use crate::model::catalogue::{CodeClass, decided};
use crate::model::reading::{Loss, LossKey};

/// A served code, and its class if the service's description decides it.
pub(in crate::metrics) type Code<K> = (K, Option<CodeClass>);

/// The class of a served code, by its description.
pub(super) fn code<'a>(key: &'a LossKey, loss: &Loss) -> Code<&'a LossKey> {
    let decided = decided(key.stage, key.platform, &key.code, &loss.description);
    (key, decided.map(|meaning| meaning.class))
}

/// The class of a code to which targets' descriptions give these classes. The rules join one
/// series for all targets, so differing classes are merged like those of a code with several
/// reasons.
pub(in crate::metrics) fn agreed(
    key: &LossKey,
    decided: impl Iterator<Item = Option<CodeClass>>,
) -> Option<CodeClass> {
    let decided: Vec<_> = decided.collect();
    if decided.iter().all(Option::is_none) {
        return None;
    }
    let general = labels::general_class(key);
    let classes = decided.into_iter().map(|class| class.unwrap_or(general));
    Some(CodeClass::of_all(&classes.collect::<Vec<_>>()))
}

/// Writes the classes of the served codes, see [`Writer::codes`].
pub(in crate::metrics) fn write_codes<'a>(
    codes: impl Iterator<Item = Code<&'a LossKey>>,
    out: &mut Encoder,
) {
    out.family(knowledge::CODE_INFO);
    for (key, decided) in codes {
        labels::class(key, decided, |labels| out.sample(labels, 1.0));
    }
}

impl Writer<'_> {
    pub(super) fn descriptions(&self, out: &mut Encoder) {
        out.family(knowledge::DESCRIPTION_INFO);
        for (key, loss) in self
            .loss_rows()
            .filter(|(_, loss)| !loss.description.is_empty())
        {
            labels::description(self.id, key, &loss.description, |labels| {
                out.sample(labels, 1.0);
            });
        }
    }
}
