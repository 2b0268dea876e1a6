//! The data of a plan: where rows come from, how many the load takes, and when there are none left.

use std::fmt::Write as _;

use crate::plan::{DataNeed, Needed, data_needs};
use crate::scenario::model::{AfterLast, Feeder, Pick, Test};
use crate::units::{count, scenario_duration};

pub(super) fn render(out: &mut String, test: &Test) {
    if test.data.is_empty() {
        return;
    }
    let _ = writeln!(out, "\ndata");
    for (need, feeder) in data_needs(test).iter().zip(&test.data) {
        let Feeder { name, from, rows, pick, .. } = feeder;
        let rows = rows.count();
        let s = if rows == 1 { "" } else { "s" };
        let how = match pick {
            Pick::Next(AfterLast::Recycle) => "one after another, and over again",
            Pick::Next(AfterLast::Stop) => "one after another, each once",
            Pick::Random => "at random",
            Pick::PerUser(AfterLast::Recycle) => "one for each user, and over again",
            Pick::PerUser(AfterLast::Stop) => "one for each user",
        };
        let _ = writeln!(out, "  {name}: {} row{s} of {from}, {how}", count(rows));
        let takes = match (pick, need.rows) {
            // Rows that come again and again are enough, however many there are.
            (Pick::Random, _) | (Pick::Next(AfterLast::Recycle), Needed::Unknown) => continue,
            (_, Needed::Exactly(rows)) => format!("the load takes {}", count(rows)),
            (_, Needed::About(rows)) => format!("the load takes about {}", count(rows)),
            (_, Needed::Unknown) => {
                "how many the load takes depends on how fast the target answers".to_owned()
            }
        };
        let _ = writeln!(out, "    {takes}");
    }
}

/// Feeders of which there are fewer rows than the load takes, and no more come.
pub(super) fn warnings(test: &Test) -> Vec<String> {
    let needs = data_needs(test);
    needs.iter().zip(&test.data).filter_map(|(need, feeder)| warning(need, feeder)).collect()
}

fn warning(need: &DataNeed, feeder: &Feeder) -> Option<String> {
    let Feeder { name, from, rows, pick, .. } = feeder;
    if !matches!(pick, Pick::Next(AfterLast::Stop) | Pick::PerUser(AfterLast::Stop)) {
        return None;
    }
    let rows = rows.count();
    let takes = match need.rows {
        Needed::Exactly(needed) if needed > rows => format!("the load takes {}", count(needed)),
        Needed::About(needed) if needed > rows => format!("the load takes about {}", count(needed)),
        Needed::Unknown if need.runs_out.is_some() => "the load takes more".to_owned(),
        _ => return None,
    };
    let has = format!("{takes} rows, and {from} has {}", count(rows));
    Some(match need.runs_out {
        // As `run` says it afterwards, to the second.
        Some(at) => {
            let at = std::time::Duration::from_secs(at.as_secs());
            format!("data `{name}` is exhausted at {}: {has}", scenario_duration(at))
        }
        None => format!("data `{name}` will be exhausted: {has}"),
    })
}
