//! The shard that `run` serves, by option or environment variable.

use std::collections::BTreeMap;

use clap::Args;
use rustix::system::uname;

use crate::config::SHARD;
use crate::model::shard::{Position, Shard, ShardError};

const INDEX: &str = SHARD[0];
const TOTAL: &str = SHARD[1];

#[derive(Args, Default)]
pub(super) struct ShardArgs {
    #[arg(
        long,
        value_name = "NUMBER|auto",
        help = "Poll the apps of one shard only: its number from 0, or `auto` for the number after the \
                last dash of the host name, as pods of a StatefulSet have it. Also TIMPUSH_SHARD_INDEX"
    )]
    shard_index: Option<Position>,
    #[arg(
        long,
        value_name = "NUMBER",
        help = "How many shards share the configuration. Also TIMPUSH_SHARD_TOTAL"
    )]
    shard_total: Option<u32>,
}

/// Why the shard is unclear.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArgsError {
    #[error("--shard-index requires --shard-total, and the other way round")]
    Half,
    #[error("{INDEX}: {0}")]
    Index(ShardError),
    #[error("{TOTAL}: it is no number")]
    Total,
    #[error(transparent)]
    Shard(#[from] ShardError),
}

impl ShardArgs {
    /// All apps by default.
    pub(super) fn shard(&self, variables: &BTreeMap<String, String>) -> Result<Shard, ArgsError> {
        // An empty variable counts as not set, as for the settings.
        let variable = |name| {
            let text = variables.get(name).map(|text| text.trim());
            text.filter(|text| !text.is_empty())
        };
        let index = match (self.shard_index, variable(INDEX)) {
            (None, Some(text)) => Some(text.parse().map_err(ArgsError::Index)?),
            (index, _) => index,
        };
        let total = match (self.shard_total, variable(TOTAL)) {
            (None, Some(text)) => Some(text.parse().map_err(|_| ArgsError::Total)?),
            (total, _) => total,
        };
        match (index, total) {
            (None, None) => Ok(Shard::WHOLE),
            (Some(index), Some(total)) => {
                let host = uname().nodename().to_string_lossy().into_owned();
                Ok(Shard::at(index, total, &host)?)
            }
            _ => Err(ArgsError::Half),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(args: &ShardArgs, variables: [&str; 2]) -> Result<Shard, String> {
        let names = SHARD.map(str::to_owned);
        let variables = names.into_iter().zip(variables.map(str::to_owned));
        args.shard(&variables.collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_win_over_variables_and_without_any_there_is_no_shard() {
        let options = |index: Option<u32>, total| ShardArgs {
            shard_index: index.map(Position::Number),
            shard_total: total,
        };
        let of = |index, total| Ok(Shard::new(index, total).unwrap());
        for (args, variables, expected) in [
            (options(None, None), ["", " "], Ok(Shard::WHOLE)),
            (options(None, None), ["1", "3"], of(1, 3)),
            (options(None, None), [" 2\r", "3\r"], of(2, 3)),
            (options(Some(0), Some(2)), ["1", "3"], of(0, 2)),
            (options(Some(0), None), ["1", "3"], of(0, 3)),
            (options(Some(0), Some(1)), ["", ""], Ok(Shard::WHOLE)),
        ] {
            assert_eq!(shard(&args, variables), expected, "{variables:?}");
        }
        for (args, variables, expected) in [
            (options(Some(0), None), ["", ""], "requires --shard-total"),
            (options(None, None), ["", "3"], "requires --shard-total"),
            (options(None, None), ["x", "3"], "TIMPUSH_SHARD_INDEX: it"),
            (options(None, None), ["1", "x"], "TIMPUSH_SHARD_TOTAL: it"),
            (options(Some(3), Some(3)), ["", ""], "there is no shard 3"),
            (options(Some(0), Some(0)), ["", ""], "from 1 to 1000"),
        ] {
            let said = shard(&args, variables).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }
}
