//! A quarter of the ring dies at once: when does every surviving member of every group hear again?
//!
//! Every second a random surviving member of each group tells all. A member hears again from the
//! first multicast on after which it got all of them, each within a few seconds. What was told in
//! between and asked for later counts as heard late.

use base::Duration;
use bytes::Bytes;
use groups::Input;

use super::build::{ring, shuffled};
use super::forest::{Group, bounded, grow, orphans};
use super::peers::quantile;
use super::{Bound, Report, Request, Source, real};
use crate::ring::{Word, World, tree};

pub(super) const CASE: &str = "a quarter dies";

/// Groups of each size, and one of everybody.
const EACH: u32 = 10;
const SIZES: [u32; 3] = [10, 100, 1_000];
/// Before the deaths.
const SETTLE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// A multicast that takes longer came late.
const PROMPT: Duration = Duration::from_secs(5);
/// Everybody has heard everything for so many seconds: it is over.
const CALM: u64 = 30;
const WATCHED_MAX: u64 = 300;
/// SplitStream (SOSP'03).
const LINE: f64 = 180.0;

/// What one member of one group heard, by the second in which it was told.
struct Ears {
    host: u32,
    group: usize,
    /// Whether it came in time.
    prompt: Vec<bool>,
    heard: Vec<bool>,
}

pub(super) fn measure(request: &Request, nodes: u32, report: &mut Report) {
    let mut world = ring(request, request.busy(), nodes, report);
    world.build_up(bounded(groups::Config::default().children_max));
    world.run_for(SETTLE);
    let mut groups = Vec::new();
    for size in SIZES.into_iter().filter(|size| *size < nodes) {
        groups.extend(grow(&mut world, EACH, size));
    }
    groups.extend(grow(&mut world, 1, nodes));
    let name = format!("{nodes}, {CASE}");
    report.tell(
        format!("{name}: members without a place before"),
        real(orphans(&world, &groups)),
        "",
    );
    report.firm(Bound::AtMost(0.0));
    let ring = shuffled(&mut world);
    ring.iter().take(ring.len() / 4).for_each(|host| world.kill(*host));
    for group in &mut groups {
        group.members.retain(|host| world.groups(*host).is_some());
    }
    groups.retain(|group| group.members.len() > 1);
    let mut rooted = None;
    let ears = watch(request, &mut world, &groups, &mut rooted);
    tell(report, &name, &ears);
    report.tell(format!("{name}: all trees whole after"), rooted.unwrap_or(1e9), "s");
    let widest = groups.iter().map(|group| tree(&world, group.key, &group.members).fan_out).max();
    report.tell(format!("{name}: largest fan-out"), real(widest.unwrap_or(0)), "");
    report.firm(Bound::AtMost(real(groups::Config::default().children_max as u64)));
    report.tell(
        format!("{name}: members without a place at the end"),
        real(orphans(&world, &groups)),
        "",
    );
    report.firm(Bound::AtMost(0.0));
    report.count(world.tally());
}

/// Tells all groups something each second, until everybody has heard for a while.
fn watch(
    request: &Request,
    world: &mut World,
    groups: &[Group],
    rooted: &mut Option<f64>,
) -> Vec<Ears> {
    let mut ears: Vec<Ears> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        for host in &group.members {
            places.insert((group.key, *host), ears.len());
            ears.push(Ears { host: *host, group: number, prompt: Vec::new(), heard: Vec::new() });
        }
    }
    world.take_heard();
    let start = world.now();
    let last = PROMPT.as_secs();
    let mut calm = 0;
    for second in 0..WATCHED_MAX {
        (request.progress)("hearing again", second, WATCHED_MAX);
        let told = second as usize;
        for ears in &mut ears {
            ears.prompt.push(false);
            ears.heard.push(false);
        }
        for group in groups {
            let Some(source) = world.rng().pick(&group.members).copied() else { continue };
            let own = &mut ears[places[&(group.key, source)]];
            (own.prompt[told], own.heard[told]) = (true, true);
            let body = Bytes::copy_from_slice(&second.to_be_bytes());
            world.groups_input(source, Input::Multicast { group: group.key, body });
        }
        world.run_for(SECOND);
        for heard in world.take_heard() {
            let Word::Multicast { group, body } = heard.word else { continue };
            let Some(ears) = places.get(&(group, heard.host)).map(|at| &mut ears[*at]) else {
                continue;
            };
            let Ok(number) = <[u8; 8]>::try_from(&body[..]).map(u64::from_be_bytes) else {
                continue;
            };
            let took = heard.at.since(start + SECOND * u32::try_from(number).unwrap_or(0));
            let number = number as usize;
            ears.heard[number] = true;
            ears.prompt[number] |= took <= PROMPT;
        }
        if rooted.is_none() && orphans(world, groups) == 0 {
            *rooted = Some(world.now().since(start).as_secs_f64());
        }
        let Some(judged) = second.checked_sub(last) else { continue };
        let is_calm = ears.iter().all(|ears| ears.prompt[judged as usize]);
        calm = if is_calm { calm + 1 } else { 0 };
        if calm >= CALM {
            break;
        }
    }
    // The last few are under way.
    for ears in &mut ears {
        let judged = ears.prompt.len().saturating_sub(last as usize);
        ears.prompt.truncate(judged);
        ears.heard.truncate(judged);
    }
    ears
}

fn tell(report: &mut Report, name: &str, ears: &[Ears]) {
    // The second after the last that a member did not hear in time.
    let again = |ears: &Ears| ears.prompt.iter().rposition(|heard| !heard).map_or(0, |at| at + 1);
    let mut spans: Vec<f64> = ears.iter().map(|ears| real(again(ears) as u64)).collect();
    spans.sort_by(f64::total_cmp);
    report.tell(
        format!("{name}: surviving members, over all groups"),
        real(spans.len() as u64),
        "",
    );
    report.tell(format!("{name}: hears again, median"), quantile(&spans, 500), "s");
    report.tell(format!("{name}: hears again, 99 of 100"), quantile(&spans, 990), "s");
    report.tell(format!("{name}: hears again, last of all"), quantile(&spans, 1_000), "s");
    report.beside(LINE, Source::Published).firm(Bound::AtMost(LINE));
    let told: u64 = ears.iter().map(|ears| ears.heard.len() as u64).sum();
    let count = |list: fn(&Ears) -> &Vec<bool>| -> f64 {
        real(ears.iter().flat_map(list).filter(|heard| !**heard).count() as u64)
    };
    let told = real(told.max(1));
    let late = count(|ears| &ears.prompt) / told;
    report.tell(format!("{name}: not heard in time"), late, "of multicasts");
    report.tell(format!("{name}: never heard"), count(|ears| &ears.heard) / told, "of multicasts");
    let worst = ears.iter().max_by_key(|ears| again(ears));
    if let Some(worst) = worst.filter(|worst| again(worst) > 0) {
        report.note(format!("last to hear again: host {} in group {}", worst.host, worst.group));
    }
}
