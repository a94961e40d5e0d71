//! Cached bodies: what a poll changes is encoded once, and the rest is not encoded again.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;

use super::encoding::{self, Encoding};
use super::grid::Grid;
use super::segment::Segment;
use super::walk::{self, Code, Writer};
use super::{Encoder, Format, write_own};
use crate::clock::{Now, Validity};
use crate::model::catalogue::CodeClass;
use crate::model::reading::LossKey;
use crate::model::target_id::TargetId;
use crate::self_metrics::SelfMetrics;
use crate::target::snapshot::{Snapshot, TargetState, Targets};

/// The maximum age of the process's own metrics. They change with every call and every reading
/// of the process, and they can outnumber all other samples.
const OWN_AGE: Duration = Duration::from_secs(1);

/// The state kept from one body to the next.
pub struct Sheet {
    format: Format,
    targets: Vec<Kept>,
    grid: Grid,
    codes: Codes,
    /// The encoded classes of those codes; absent when they must be encoded again.
    classes: Option<Arc<Segment>>,
    /// The process's own metrics, and the end of the body.
    own: Option<(Arc<Segment>, Validity)>,
}

/// The targets' part of a body, as a body of its own.
pub fn targets_body(format: Format, targets: &Targets, now: Now) -> Vec<u8> {
    let segments = Sheet::new(format).render_targets(targets, now);
    let mut body = Vec::new();
    for segment in segments {
        body.extend_from_slice(segment.bytes());
    }
    body.extend_from_slice(format.end());
    body
}

/// The state of a target's part of the body.
struct Kept {
    id: Arc<TargetId>,
    /// The state from which it was rendered. Not kept alive: that would be a second snapshot.
    state: Weak<TargetState>,
    validity: Option<Validity>,
    codes: Vec<Code<Arc<LossKey>>>,
}

/// The number of targets that serve each code, by the class that their descriptions decide.
type Codes = BTreeMap<Arc<LossKey>, BTreeMap<Option<CodeClass>, usize>>;

impl Sheet {
    pub fn new(format: Format) -> Self {
        Self {
            format,
            targets: Vec::new(),
            grid: Grid::new(format, 0),
            codes: BTreeMap::new(),
            classes: None,
            own: None,
        }
    }

    /// Takes this sheet out and leaves an empty one in its place.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self::new(self.format);
        std::mem::replace(self, empty)
    }

    /// The body served at `now`; the process's own metrics may be one second old.
    pub fn render(&mut self, snapshot: &Snapshot, metrics: &SelfMetrics, now: Now) -> Body {
        // Read first: any later publication makes this body outdated.
        let version = snapshot.version();
        let mut segments = self.render_targets(&snapshot.load(), now);
        let (own, own_validity) = self.render_own(metrics, now);
        segments.push(own);
        segments.retain(|segment| !segment.bytes().is_empty());
        let validities = self.targets.iter().filter_map(|kept| kept.validity);
        Body {
            version,
            validity: validities.fold(Validity::from(now).and(own_validity), Validity::and),
            length: segments.iter().map(|s| s.bytes().len() as u64).sum(),
            segments,
            gzip: OnceLock::new(),
            zstd: OnceLock::new(),
        }
    }

    /// The targets' part of the body, and the classes of their codes.
    fn render_targets(&mut self, targets: &Targets, now: Now) -> Vec<Arc<Segment>> {
        if !self.targets.iter().map(|kept| &kept.id).eq(targets.keys()) {
            *self = Self::new(self.format);
            self.grid = Grid::new(self.format, targets.len());
            self.targets = targets.keys().cloned().map(Kept::nothing).collect();
        }
        let mut changed = Vec::with_capacity(targets.len());
        for ((id, state), kept) in targets.iter().zip(&mut self.targets) {
            let same = Weak::as_ptr(&kept.state) == Arc::as_ptr(state);
            if same && kept.validity.is_some_and(|validity| validity.holds(now)) {
                changed.push(None);
                continue;
            }
            let writer = Writer::new(id, state, now);
            let mut encoder = self.grid.encoder(changed.is_empty());
            writer.write(&mut encoder);
            encoder.shrink();
            changed.push(Some(encoder));
            if kept.replace_codes(&writer.codes(), &mut self.codes) {
                self.classes = None;
            }
            kept.state = Arc::downgrade(state);
            kept.validity = Some(state.validity(now));
        }
        self.grid.update(&changed);
        let classes = self.classes.take();
        let classes = classes.unwrap_or_else(|| Arc::new(self.render_classes()));
        self.classes = Some(Arc::clone(&classes));
        let targets = self.grid.segments().iter().cloned();
        targets.chain([classes]).collect()
    }

    fn render_classes(&self) -> Segment {
        let mut encoder = Encoder::new(self.format);
        let codes = self.codes.iter().map(|(key, users)| {
            let decided = walk::agreed(key, users.keys().copied());
            (Arc::as_ref(key), decided)
        });
        walk::write_codes(codes, &mut encoder);
        let mut bytes = Vec::new();
        encoder.write_to(&mut bytes);
        Segment::new(bytes)
    }

    fn render_own(&mut self, metrics: &SelfMetrics, now: Now) -> (Arc<Segment>, Validity) {
        if let Some((segment, validity)) = &self.own
            && validity.holds(now)
        {
            return (Arc::clone(segment), *validity);
        }
        let mut encoder = Encoder::new(self.format);
        write_own(metrics, now, &mut encoder);
        let segment = Arc::new(Segment::new(encoder.into_body()));
        let validity = Validity::from(now).until_steady(Some(now.steady + OWN_AGE));
        self.own = Some((Arc::clone(&segment), validity));
        (segment, validity)
    }
}

impl Kept {
    fn nothing(id: Arc<TargetId>) -> Self {
        Self {
            id,
            state: Weak::new(),
            validity: None,
            codes: Vec::new(),
        }
    }

    /// Records which codes the target serves now, here and among the codes of `all` targets.
    /// Returns whether that changed anything.
    fn replace_codes(&mut self, codes: &[Code<&LossKey>], all: &mut Codes) -> bool {
        let same = |(a, b): (&Code<Arc<LossKey>>, &Code<&LossKey>)| *a.0 == *b.0 && a.1 == b.1;
        if self.codes.len() == codes.len() && self.codes.iter().zip(codes).all(same) {
            return false;
        }
        let mut made_a_difference = false;
        let new: Vec<Code<Arc<LossKey>>> = codes
            .iter()
            .map(|(key, decided)| {
                let key = match all.get_key_value(*key) {
                    Some((key, _)) => Arc::clone(key),
                    None => Arc::new(LossKey::clone(key)),
                };
                let users = all.entry(Arc::clone(&key)).or_default();
                let users = users.entry(*decided).or_default();
                made_a_difference |= *users == 0;
                *users += 1;
                (key, *decided)
            })
            .collect();
        for (key, decided) in std::mem::replace(&mut self.codes, new) {
            let Some(classes) = all.get_mut(&key) else {
                continue;
            };
            if let Some(users) = classes.get_mut(&decided) {
                *users -= 1;
                if *users == 0 {
                    classes.remove(&decided);
                    made_a_difference = true;
                }
            }
            if classes.is_empty() {
                all.remove(&key);
            }
        }
        made_a_difference
    }
}

/// The bytes of a scrape in one format, shared by all scrapes for which they are current.
pub struct Body {
    /// The version of the snapshot from which this was rendered.
    version: u64,
    validity: Validity,
    segments: Vec<Arc<Segment>>,
    length: u64,
    gzip: OnceLock<Bytes>,
    zstd: OnceLock<Bytes>,
}

impl Body {
    /// Whether this body is still current.
    pub fn is_current(&self, snapshot: &Snapshot, now: Now) -> bool {
        self.version == snapshot.version() && self.validity.holds(now)
    }

    /// Whether the body is ready in an encoding.
    pub fn is_encoded(&self, encoding: Encoding) -> bool {
        self.length(encoding).is_some()
    }

    /// Where the compressed body is kept; absent if it is not compressed.
    fn compressed(&self, encoding: Encoding) -> Option<&OnceLock<Bytes>> {
        match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => Some(&self.gzip),
            Encoding::Zstd => Some(&self.zstd),
        }
    }

    /// Prepares the body in an encoding, if it is not ready yet.
    pub fn encode(&self, encoding: Encoding) -> io::Result<()> {
        let segments = self.segments.iter().map(Arc::as_ref);
        match self.compressed(encoding) {
            Some(place) if place.get().is_none() => {
                let bytes = if encoding == Encoding::Gzip {
                    encoding::gzip(segments)?
                } else {
                    encoding::zstd(segments, self.length)?
                };
                place.get_or_init(|| bytes);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The length in an encoding; absent before [`Self::encode`].
    pub fn length(&self, encoding: Encoding) -> Option<u64> {
        match self.compressed(encoding) {
            None => Some(self.length),
            Some(place) => place.get().map(|bytes| bytes.len() as u64),
        }
    }

    /// The bytes piece by piece, without copying; absent at the end.
    pub fn piece(&self, encoding: Encoding, index: usize) -> Option<Bytes> {
        match self.compressed(encoding) {
            None => self
                .segments
                .get(index)
                .map(|segment| segment.bytes().clone()),
            Some(place) => place.get().filter(|_| index == 0).cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
