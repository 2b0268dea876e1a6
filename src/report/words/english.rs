//! English.

use std::time::Duration;

use super::incident::IncidentWords;
use super::{PageWords, Words};
use crate::result::verdict::percent;
use crate::units::scenario_duration;

pub(super) const WORDS: Words = Words {
    code: "en",

    // As the terminal says it.
    gist: |gist| gist.to_string(),
    missed: |missed| missed.to_string(),
    doubt: |doubt| doubt.to_string(),
    duration: |time: Duration| scenario_duration(time),
    scenarios: |number| format!("{number} scenarios"),
    of_load: |time| format!("{time} of load"),
    aborted: |threshold| format!("the run was ended by the threshold “{threshold}”"),
    worst_window: |length| format!("worst {length}"),
    first_broken_at: |at| format!("first broken at {at}"),
    ended_the_run_at: |at| format!("ended the run at {at}"),
    cores: |number| format!("{number} {}", if number == 1 { "core" } else { "cores" }),
    workers: |number| format!("{number} {}", if number == 1 { "worker" } else { "workers" }),
    of_its_cores: |share| format!("{} of its cores", percent((share * 100.0).round() / 100.0)),
    more_causes: |number| format!("… and {number} more, in result.json."),

    kinds: &[],
    closed_model: "closed model",
    open_model: "open model",
    bundled: " (bundled)",
    insecure: ", certificates not checked",
    stopped: "the scenario stopped the run (`stop: run`)",
    invariant_broken: "invariant broken:",
    invariant_not_asked: "verify could not ask:",
    run_valid: "valid: the figures are the target's",
    run_suspect: "suspect: the figures may be the generator's as well as the target's",
    run_invalid: "not valid: the run says nothing about the target",
    run: "The run",
    validity: "Validity",
    target: "Target",
    started: "Started",
    generator: "Generator",
    effort: "It took",
    file: "Scenario file",
    seed: "Seed",
    version: "Made with",
    again: "To run it again",

    thresholds: "Thresholds",
    threshold: "threshold",
    met: "met?",
    is_met: "met",
    is_not_met: "not met",
    observed: "observed",
    limit: "limit",
    notes: "notes",
    implied: "by default, not in the file",
    no_samples: "no samples",
    invariants: "Invariants",
    invariant: "invariant",
    holds: "holds?",
    held: "holds",
    broken: "broken",
    skipped: "skipped by its `when`",
    not_asked: "could not ask",
    checks: "Checks",
    check: "check",
    tried: "tried",
    always: "held",
    not_always: "did not always hold",
    never_tried: "never tried",

    steps: "Steps and outcomes",
    step: "step",
    outcome: "outcome",
    success: "success",
    business: "business",
    failure: "failure",
    count: "count",
    share: "share",
    rate: "rate",
    longest: "max",
    only_interrupted: "only interrupted",
    not_reached: "not reached",
    business_note: "○ is a business outcome: an answer the service is right to give, and no failure.",
    waited: "Requests waited before they were sent",
    waited_note: "Response time counts from when a request was due, service time from its first byte.",
    response_p50: "p50 response",
    service_p50: "p50 service",
    response_p99: "p99 response",
    service_p99: "p99 service",

    requests: "requests",
    interrupted: "interrupted",
    in_doubt: "in doubt",
    sent: "sent",
    received: "received",
    iterations: "Iterations",
    scenario: "scenario",
    completed: "completed",
    ended_early: "ended early",
    cut: "cut",
    dropped: "dropped",
    lateness_p99: "lateness p99",
    lateness_longest: "lateness max",
    lateness_note: "Lateness is the generator's own: how late it began what was due.",
    groups: "Groups",
    group: "group",
    metrics: "The test's own metrics",
    metric: "metric",
    samples: "samples",
    value: "value",
    average: "avg",

    failures: "Failures",
    no_answer: "no answer",
    first_seen: "for example at",

    resources: "What the target used",
    source: "source",
    figure: "figure",
    first: "first",
    last: "last",
    not_watched: "could not be watched",
    cpu_of_limit: |cores| format!("CPU as a share of its limit of {cores} cores"),
    cpu_of_one_core: "CPU as a share of one core",
    memory_limit: |limit| format!("it may use {limit} of memory"),
    gauges: &[
        ("cpu", "CPU"),
        ("throttled", "throttled periods"),
        ("memory", "memory"),
        ("descriptors", "descriptors"),
        ("threads", "threads"),
        ("received", "received"),
        ("sent", "sent"),
    ],

    page: PageWords {
        skip: "Skip to the verdict",
        contents: "Contents",
        theme: "Light / dark",
        theme_hint: "Switch between light and dark",
        figures: "In figures",
        over_time: "Over time",
        marks_note: "Dashed lines stand where stages begin, red ones where a threshold was first broken.",
        zoom_hint: "Drag across a chart to zoom; all charts follow. A double click shows the whole run again. \
                    With the keyboard: the arrow keys move the cursor, + and − zoom, 0 shows the whole run.",
        reset: "Whole run",
        no_scripts: "Charts need scripts. All tables are here without them.",
        no_series: "There are no seconds to draw.",
        as_table: "As a table",
        time: "time",
        thinned: |step| {
            format!(
                "Each point stands for {step} seconds: of rates it is the mean, of times the worst second."
            )
        },
        made_from: "Made from result.json alone. Nothing on this page is loaded from elsewhere.",
        requested: "requests",
        answered: "of requests",
        verdict: "Verdict",

        users: "Users",
        arrivals: "Arrivals",
        planned: "planned",
        at_once: "users at once",
        throughput: "Throughput by outcome",
        begun: "begun",
        response_times: "Response times of successes",
        response_times_note: "Of each second by itself. Service time counts from the first byte sent; where the \
                              two part, requests waited before they were sent.",
        by_cause: "Failures by cause",
        lateness: "Lateness of the generator",
        cpu: "CPU of the target",
        memory: "Memory of the target",
        network: "Network of the target",
        other: "Descriptors and threads of the target",
        curve: "Percentile curve",
        curve_note: "How long answers took at most, up to each share of them. A curve ends where its samples can \
                     tell no more.",
        percentile: "share of answers",
        all_steps: "all steps",
        heat: "Heat map of response times",
        heat_note: |slice| {
            let slice = if slice == 1 { "one second".into() } else { format!("{slice} seconds") };
            format!("Each column stands for {slice}; the stronger the colour, the more answers took so long.")
        },
        heat_of: "Outcome",
        answers: "answers",
        from_to: "response time",
        stage: "stage",
        first_broken: "first broken",
    },

    incident: IncidentWords {
        title: "Incident review",
        how_to_read: "Everything here was taken from the run. What only people can know is marked ✎, to be filled in.",
        item: "item",
        content: "",
        test: "Test",
        purpose: "Purpose",
        verdict: "Verdict",
        author: "Author",
        reviewed_on: "Reviewed on",

        fill_in: "✎",
        fill_in_summary: "✎ What happened, in one or two sentences.",
        fill_in_impact: "✎ What this would have meant for customers.",
        fill_in_timeline: "✎ Who noticed what, and what was done when.",
        fill_in_signals: "✎ What logs, traces and dashboards of the service say about these moments.",

        summary: "Summary",
        no_load: "There was no load: the test could not begin.",
        no_incident: "There was no incident: all that was asked of the run holds, and neither failures nor response \
                      times left what they were at first for long.",
        no_moment: "Not all that was asked of the run holds. No moment stands out at which failures or response times \
                    left what they were at first.",
        course: |began, seen, over| {
            let seen = match seen {
                Some(seen) => format!("the first broken threshold was seen at {seen}"),
                None => "no threshold told of it".into(),
            };
            let over = match over {
                Some((at, length)) => format!("it was over at {at}, after {length}"),
                None => "it was not over when the load ended".into(),
            };
            format!("It began at {began}; {seen}; {over}.")
        },

        impact: "Impact",
        most_users: "Users at once, at most",
        meanwhile: "Requests while it lasted",
        in_the_incident: |all, failed, share, business| {
            format!("{all}, of which {failed} failed ({share}) and {business} were rightly refused")
        },
        iterations: "Iterations begun, in all",
        by_step: "By step, in all",
        causes: "causes",

        timeline: "Timeline",
        since: "since begin",
        clock: "UTC",
        event: "what happened",
        load_began: "The load began",
        load_ended: "The load ended as planned",
        interrupted: "The run was interrupted by the user",
        aborted: |threshold| format!("The run was ended by the threshold {threshold}"),
        users: |number| format!("{number} users"),
        stage: |name, from, to| {
            if from == to { format!("Stage {name}: {to}") } else { format!("Stage {name}: {from} → {to}") }
        },
        first_failure: |cause| format!("First failure of the kind {cause}"),
        turned: |what, normal, bound| format!("{what} turned: from {normal} to more than {bound}"),
        worst: |what, value| format!("{what} was worst: {value}"),
        back: |what| format!("{what} was back to normal"),
        first_threshold: |threshold| format!("First threshold broken: {threshold}"),
        next_threshold: |threshold| format!("Threshold broken: {threshold}"),
        more_events: |number| format!("… and {number} more events."),

        detection: "Detection and recovery",
        began: "Began",
        seen: "Seen by a threshold",
        never_seen: "by none",
        over: "Back to normal",
        not_over: "not before the end",
        time_to_see: "Time to detect",
        lasted: "Time to recover, from its beginning",
        alarm: "Would an alarm of the service have told of it?",

        signals: "Signals",
        what_turned: "What turned, first things first",
        nothing_turned: "Nothing left what it was at first for three seconds in a row.",
        figure: "figure",
        turned_at: "turned",
        normal: "normal",
        worst_value: "worst",
        worst_at: "at",
        back_at: "back",
        resources: "Resources of the target",
        before: "at first",
        during: "meanwhile",
        not_watched: "The target's resources were not watched.",
        response_time: |percentile| format!("Response time {percentile}"),
        failure_share: "Share of failures",
        business_share: "Share of business outcomes",
        lateness: "Lateness of the generator",

        evidence: "Evidence",

        whys: "Five whys",
        problem: |number, name| format!("Problem {number}: {name}"),
        step: "step",
        answer: "answer",
        conclusion: "Conclusion",
        setup_failed: "setup failed",
        never_ready: "the target never got ready",
        most_failures: |all, most, step, cause| {
            format!("Of {all} failures, {most} were {cause} of the step {step}")
        },
        more_problems: |number| format!("… and {number} more, in the table of thresholds."),

        actions: "Response and action items",
        done: "What was done",
        when: "when",
        action: "action",
        owner: "owner",
        due: "due",
        short_term: "Short term (within a week)",
        mid_term: "Mid term (within a month)",
        long_term: "Long term",

        method: |warm| {
            format!(
                "How turning points were found: the median of the warm-up (the first {warm} of the load) is what is \
                 normal. A figure has turned at the first of three seconds in a row in which it is above that by more \
                 than four standard deviations of the warm-up and by more than what matters (response times: twice \
                 as long and a millisecond; failures: one in a hundred). It is back at the first of three within it."
            )
        },
    },
};
