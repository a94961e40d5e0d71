//! Texts of the page's template about a target and its losses.

use crate::http::content::chart::Chart;
use crate::model::catalogue::CodeClass;
use crate::model::reading::{Api, Stage};
use crate::status::words::{self, Words};
use crate::status::{
    ApiHealth, Concern, Counted, ErrorStatus, Level, LossStatus, TargetStatus, Trend, share,
};

/// How many codes per target are shown at once; the others need a click. Codes that need attention
/// are shown up to the first number, others up to the second.
const MAX_OPEN_CODES: usize = 5;
const MIN_OPEN_CODES: usize = 2;

/// The rows of one code at one stage.
pub(super) struct Code<'a>(&'a [LossStatus]);

impl Code<'_> {
    /// The rows with information of their own, and the platforms' rows that only add detail.
    pub(super) fn rows(&self) -> (&[LossStatus], &[LossStatus]) {
        let once = |row: &&LossStatus| row.is_overall() && self.explains(row);
        let shown = match self.0.first().filter(once) {
            Some(_) => 1,
            None => self.0.len(),
        };
        self.0.split_at(shown)
    }

    /// `Credential refused (403) after sending`; a code with different meanings has no name.
    pub(super) fn name(&self) -> String {
        let Some(first) = self.0.first() else {
            return String::new();
        };
        let (words, code) = (first.words(), &first.err_code);
        // The overall row of a code that vendors use differently has no known cause.
        let platforms = self.0.iter().filter(|row| !row.is_overall());
        let mut classes: Vec<CodeClass> = platforms.map(|row| row.code_class).collect();
        classes.dedup();
        let named = |class| {
            let cause = words::sentence(words.cause(class));
            words.beside(cause.trim_end_matches('.'), code)
        };
        let name = match classes[..] {
            [] => named(first.code_class),
            [class] => named(class),
            _ => words.code(code),
        };
        words.at_stage(&name, words.stage(first.key.stage))
    }

    /// `2,618, 0.8 % of all sendable pushes`.
    pub(super) fn size(&self) -> String {
        self.0.first().map_or_else(String::new, |row| {
            let part = row.part().unwrap_or_else(|| row.share_words());
            [words::count(row.count), part].join(row.words().comma())
        })
    }

    pub(super) fn concern(&self) -> Concern {
        let concerns = self.0.iter().map(|row| row.concern);
        concerns.min().unwrap_or(Concern::Steady)
    }

    pub(super) fn level(&self) -> Level {
        self.concern().level()
    }

    pub(super) fn concern_words(&self) -> Option<&'static str> {
        self.0.first()?.words().concern(self.concern())
    }

    /// `APNs 14 (0.3 %), Xiaomi 7 (1.2 %)`, of the pushes on each platform.
    pub(super) fn in_brief(&self) -> String {
        let name = |row: &LossStatus| {
            let name = format!("{} {}", row.platform_words(), words::count(row.count));
            let share = row.share_of_pushes.map(|share| row.words().percent(share));
            share.map_or(name.clone(), |share| row.words().beside(&name, &share))
        };
        let names: Vec<String> = self.rows().1.iter().map(name).collect();
        let words = self.0.first().map(LossStatus::words);
        words.map_or_else(String::new, |words| words.names(&names))
    }

    /// Whether a row has the advice itself, rather than a reference to a platform's row below it.
    /// Advice that is the same on every platform is given once.
    pub(super) fn explains(&self, row: &LossStatus) -> bool {
        match self.0 {
            [overall, first, ..] if overall.is_overall() => {
                let once = overall.advice == first.advice;
                row.is_overall() == once
            }
            _ => true,
        }
    }

    /// Whether a row's description differs from that of the row before it.
    pub(super) fn describes(&self, row: &LossStatus) -> bool {
        let before = self.0.iter().take_while(|other| other.key != row.key);
        !row.description.is_empty()
            && before
                .last()
                .is_none_or(|last| last.description != row.description)
    }
}

/// Texts of the template about a row.
impl LossStatus {
    pub(super) fn platform_words(&self) -> String {
        self.words().platform_name(self.key.platform)
    }

    pub(super) fn class_words(&self) -> &'static str {
        self.words().class(self.code_class)
    }

    pub(super) fn lost_words(&self) -> String {
        self.words().lost_in_window(words::count(self.count))
    }

    pub(super) fn share_words(&self) -> String {
        let words = self.words();
        let (share, stage) = (words.percent(self.share), words.stage(self.key.stage));
        match self.key.platform {
            None => words.of_losses(&share, stage),
            platform => words.of_losses_on(&share, stage, words.platform_name(platform)),
        }
    }
}

/// The overall losses at one stage.
pub(super) struct Lost {
    /// `Lost after sending`.
    pub(super) name: String,
    pub(super) count: String,
    /// `2.0 % of all pushes sent`.
    pub(super) share: Option<String>,
    pub(super) trend: Option<Trend>,
}

/// An error, and the APIs that it affects.
pub(super) struct Trouble<'a> {
    pub(super) health: &'a ApiHealth,
    pub(super) error: &'a ErrorStatus,
    apis: Vec<Api>,
}

impl Trouble<'_> {
    /// `Losses and Statistics`.
    pub(super) fn apis(&self, words: &Words) -> String {
        let names: Vec<String> = self
            .apis
            .iter()
            .map(|api| words.api(*api).to_owned())
            .collect();
        words.names(&names)
    }
}

impl TargetStatus {
    /// The latest errors; the same error of both APIs counts as one.
    pub(super) fn troubles(&self) -> Vec<Trouble<'_>> {
        let mut troubles: Vec<Trouble<'_>> = Vec::new();
        for (api, health) in &self.health {
            let Some(error) = &health.last_error else {
                continue;
            };
            let same = |known: &&mut Trouble<'_>| {
                known.health.up == health.up && known.error.has_cause_of(error)
            };
            if let Some(known) = troubles.iter_mut().find(same) {
                known.apis.push(*api);
                // The one that has lasted longest is shown.
                if health.failing_since < known.health.failing_since {
                    (known.health, known.error) = (health, error);
                }
            } else {
                troubles.push(Trouble {
                    health,
                    error,
                    apis: vec![*api],
                });
            }
        }
        troubles
    }

    /// The codes, each with its overall row and its platforms' rows: first those that are shown at
    /// once, then the others.
    pub(super) fn codes(&self) -> (Vec<Code<'_>>, Vec<Code<'_>>) {
        let mut shown: Vec<Code<'_>> = self
            .losses
            .chunk_by(|a, b| a.stage == b.stage && a.err_code == b.err_code)
            .map(Code)
            .collect();
        let concerns = shown.partition_point(|code| code.concern() != Concern::Steady);
        let open = concerns.clamp(MIN_OPEN_CODES, MAX_OPEN_CODES);
        let others = shown.split_off(shown.len().min(open));
        (shown, others)
    }

    pub(super) fn lost_by_stage(&self) -> impl Iterator<Item = Lost> {
        let words = self.clock.words();
        self.lost.iter().map(move |(stage, count)| {
            let points = self.history.iter().map(|point| {
                let (count, of) = match stage {
                    Stage::ReadyToSend => (point.ready_to_send, point.sendable),
                    Stage::PostSendDelivered => (point.post_send_delivered, point.sent),
                };
                Counted {
                    at: point.end.0,
                    count,
                    of,
                }
            });
            Lost {
                name: words.lost(words.stage(*stage)),
                count: words::count(*count),
                share: self.share_of_pushes(*stage, *count),
                trend: Trend::of(points.collect(), words),
            }
        })
    }

    fn share_of_pushes(&self, stage: Stage, lost: u64) -> Option<String> {
        let share = share(lost, *self.pushes.get(&stage)?)?;
        let words = self.clock.words();
        let all = words.all_pushes(words.pushes(stage));
        Some(words.share_of(words.percent(share), &all))
    }

    pub(super) fn left_out_words(&self) -> String {
        self.clock.words().left_out(self.losses_left_out)
    }
}

impl Trend {
    pub(super) fn chart(&self) -> Chart {
        Chart::of(&self.points)
    }
}
