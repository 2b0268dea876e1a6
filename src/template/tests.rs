//! The expression language as users meet it.

use std::sync::Arc;

use super::*;
use crate::http::{KeepBody, Response};

const NAMES: [&str; 3] = ["token", "seats", "missing"];

fn scope() -> Box<Scope> {
    let shared = Arc::new(Shared::new(7, "http://127.0.0.1:1".into(), true, Env::default()));
    let names: Arc<[String]> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let mut scope = Scope::new(shared, "queue".into(), 0, names);
    scope.user_id = 42;
    scope.begin_iteration(3);
    scope.set(Slot(0), Some(Value::from("a\"b")));
    scope.set(Slot(1), Some(Value::from(vec![10, 20, 30])));
    scope
}

fn visible<'a>(names: &'a SlotNames, env: &'a Env) -> Visible<'a> {
    Visible { slots: names, answer: true, results: false, rows: &[], env }
}

fn compile(source: &str) -> Result<Expr, TemplateError> {
    let names: SlotNames = NAMES.into_iter().collect();
    Expr::compile(source, visible(&names, &Env::default()))
}

fn eval(source: &str) -> String {
    let mut out = Vec::new();
    write_json(&compile(source).unwrap().eval(&mut scope()).unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

fn answer(body: &str) -> Response {
    let mut response = Response::new();
    response.begin(false, KeepBody::Always);
    let wire = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    response.receive(wire.as_bytes()).unwrap();
    response
}

fn eval_over(body: &str, source: &str) -> String {
    let mut scope = scope();
    *scope.expect_answer() = answer(body);
    scope.answered(std::time::Duration::from_millis(5));
    let mut out = Vec::new();
    write_json(&compile(source).unwrap().eval(&mut scope).unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

fn holds_over(body: &str, source: &str) -> bool {
    let mut scope = scope();
    *scope.expect_answer() = answer(body);
    scope.answered(std::time::Duration::from_millis(5));
    compile(source).unwrap().holds(&mut scope).unwrap()
}

#[test]
fn names_keep_their_types() {
    let table = [
        ("user.id", "42"),
        ("user.iteration", "3"),
        ("user.id + 1", "43"),
        ("token", "\"a\\\"b\""),
        ("seats[1]", "20"),
        ("seats", "[10,20,30]"),
        ("scenario", "\"queue\""),
        ("target.bundled", "true"),
        ("target.url", "\"http://127.0.0.1:1\""),
        ("null", "null"),
        ("'1.10'", "\"1.10\""),
        ("user.id if user.iteration == 1 else 'later'", "\"later\""),
        ("seats | length", "3"),
        ("random_int(5, 5)", "5"),
        ("zipf(1, 1.0)", "1"),
        ("sha256('abc')", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""),
        ("'abc' | base64", "\"YWJj\""),
        ("urlencode('a b/c')", "\"a%20b%2Fc\""),
        (
            "hmac_sha256('what do ya want for nothing?', 'Jefe')",
            "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"",
        ),
        ("regex('id=17;', 'id=([0-9]+)')", "\"17\""),
        ("jsonpath(seats, '$[2]')", "30"),
        ("missing | default('none')", "\"none\""),
        ("seats | join('-')", "\"10-20-30\""),
        ("[{'id': 1}, {'id': 2}] | join(', ', attribute='id')", "\"1, 2\""),
        ("[1, 'x', [2]] | join", "\"1x[2]\""),
        ("'a-b-c' | replace('-', '')", "\"abc\""),
        ("missing | replace('-', '')", "null"),
        ("'%05d/%s' | format(7, 'x')", "\"00007/x\""),
        ("{'a': [1, null]} | tojson", "\"{\\\"a\\\":[1,null]}\""),
        ("seats[0] * 2 + 1", "21"),
        ("'ab' * 2", "\"abab\""),
    ];
    for (source, expected) in table {
        assert_eq!(eval(source), expected, "{source}");
    }
}

/// Where a server says how often and of what, it must not say how much memory is ours.
#[test]
fn what_an_operation_makes_is_bounded() {
    let body = r#"{"n": 100000000, "text": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "list": [1]}"#;
    for source in [
        "json.text * json.n",
        "json.n * json.list",
        "(json.text * 200000) | replace('x', json.text)",
        "range(100000) | join(json.text * 10)",
        "'%0999999999d' | format(1)",
        "'%*d' | format(999999999, 1)",
    ] {
        let mut scope = scope();
        *scope.expect_answer() = answer(body);
        scope.answered(std::time::Duration::from_millis(5));
        assert!(compile(source).unwrap().eval(&mut scope).is_err(), "{source}");
    }
    for gone in ["indent(999999999)", "slice(999999999)", "batch(999999999, 'x')"] {
        let error = compile(&format!("token | {gone}")).unwrap_err();
        assert!(error.problem.starts_with("there is no filter"), "{error}");
    }
}

#[test]
fn draws_repeat_with_the_seed_and_counters_go_on() {
    for source in
        ["random_int(1, 1000000)", "uuid()", "random_float(0, 1)", "random(seats)", "zipf(100, 1.2)"]
    {
        assert_eq!(eval(source), eval(source), "{source}");
    }
    let counter = compile("counter('order')").unwrap();
    let mut scope = scope();
    let drawn: Vec<String> = (0..3).map(|_| counter.eval(&mut scope).unwrap().to_string()).collect();
    assert_eq!(drawn, ["1", "2", "3"]);
}

#[test]
fn zipf_prefers_the_first_and_stays_in_range() {
    let mut scope = scope();
    let draw = compile("zipf(50, 1.0)").unwrap();
    let draws: Vec<u64> =
        (0..20_000).map(|_| u64::try_from(draw.eval(&mut scope).unwrap()).unwrap()).collect();
    assert!(draws.iter().all(|draw| (1..=50).contains(draw)));
    let share = |k| draws.iter().filter(|&&draw| draw == k).count() as f64 / 20_000.0;
    // 1/H(50) = 0.2222…; four standard errors are 0.0118.
    assert!((share(1) - 0.2222).abs() < 0.012, "{}", share(1));
    assert!((share(2) - 0.1111).abs() < 0.009, "{}", share(2));
}

#[test]
fn an_answer_is_read_and_what_it_lacks_is_null() {
    let body = r#"{"data": {"token": "t-1", "items": [{"id": 7}], "none": null}, "big": 9007199254740993}"#;
    let table = [
        ("json.data.token", "\"t-1\""),
        ("json.data.items[0].id", "7"),
        ("json.data.items[9].id", "null"),
        ("json.data.nothing.at.all", "null"),
        ("json.data.none", "null"),
        ("json.big", "9007199254740993"),
        ("json.data.items[0].id + 1", "8"),
        ("json.data.x == null", "true"),
        ("json.data.none == null", "true"),
        ("status", "200"),
        ("header('x-missing')", "null"),
        ("duration_ms", "5.0"),
        ("json.data", r#"{"token":"t-1","items":[{"id":7}],"none":null}"#),
        ("json.data.absent | default(3)", "3"),
    ];
    for (source, expected) in table {
        assert_eq!(eval_over(body, source), expected, "{source}");
    }
}

#[test]
fn a_condition_over_something_missing_does_not_hold() {
    let body = r#"{"count": 3}"#;
    let table = [
        ("json.count < 5", true),
        ("json.absent < 5", false),
        ("json.absent > 5", false),
        ("json.absent + 1 > 0", false),
        ("json.absent == null", true),
        ("json.absent | default(1) < 5", true),
        ("json.deep.er.path >= 0", false),
        ("not json.absent", true),
        ("json.absent == 'x'", false),
    ];
    for (source, expected) in table {
        assert_eq!(holds_over(body, source), expected, "{source}");
    }
    assert!(!holds_over("no json", "json.count < 5"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let table = [
        ("tokn", "nothing defines `tokn`", Some("did you mean `token`?"), Some(0..4)),
        ("user.idd", "`user` has no `idd`", Some("it has `id` and `iteration`"), Some(5..8)),
        ("results.x", "nothing defines `results`", Some("`results` is known in `verify` only"), Some(0..7)),
        (
            "random_integer(1, 2)",
            "nothing defines `random_integer`",
            Some("did you mean `random_int`?"),
            Some(0..14),
        ),
    ];
    for (source, problem, help, at) in table {
        let error = compile(source).unwrap_err();
        assert_eq!(
            (error.problem.as_str(), error.help.as_deref(), error.at),
            (problem, help, at),
            "{source}"
        );
    }
    assert!(compile("1 +").unwrap_err().problem.starts_with("`1 +` is no expression"));
    assert_eq!(compile("a && b").unwrap_err().problem, "nothing defines `a`");
    assert_eq!(compile("1 && 2").unwrap_err().help.as_deref(), Some("write `and` instead of `&&`"));
    assert_eq!(compile("token | basee64").unwrap_err().problem, "there is no filter `basee64`");
    assert!(compile("regex(token, '(')").is_err());
    assert!(compile("jsonpath(seats, 'x')").is_err());
    assert!(compile("env('SURELY_NOT_SET_ANYWHERE')").is_err());
    assert!(compile("env('SURELY_NOT_SET_ANYWHERE', 'x')").is_ok());
    assert!(compile("debug()").is_err());
    assert!(compile("").is_err());
}

#[test]
fn an_expression_without_end_runs_out_of_fuel() {
    let error = compile("range(100000) | map('upper') | list | length").unwrap().eval(&mut scope());
    assert!(error.is_err() || error.is_ok_and(|value| value.as_usize().is_some()));
}

#[test]
fn what_an_expression_reads_is_known_beforehand() {
    assert_eq!(compile("status == 409").unwrap().reads(), Reads { answer: true, body: false });
    assert_eq!(compile("json.a == 1 or body == ''").unwrap().reads(), Reads { answer: true, body: true });
    assert_eq!(compile("token").unwrap().reads(), Reads::default());
    assert_eq!(compile("token ~ seats[0]").unwrap().needs(), [Slot(0), Slot(1)]);
    assert_eq!(compile("token | default('x')").unwrap().needs(), []);
}

#[test]
fn text_is_split_at_its_expressions() {
    let names: SlotNames = NAMES.into_iter().collect();
    let env = Env::default();
    let render = |text: &str, encoding| {
        let mut out = Vec::new();
        let template = TextTemplate::compile(text, visible(&names, &env)).unwrap();
        template.render(&mut scope(), encoding, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(render("/users/${ user.id }/x", Encoding::Raw), "/users/42/x");
    assert_eq!(render("$${ user.id }", Encoding::Raw), "${ user.id }");
    assert_eq!(render("a ${ '}' } b", Encoding::Raw), "a } b");
    assert_eq!(render("/a b/${ 'x y/z?' }", Encoding::Path), "/a b/x%20y/z%3F");
    assert_eq!(render("${ 'x y/z' }", Encoding::Query), "x%20y%2Fz");
    assert_eq!(render("cost: $5 {x}", Encoding::Raw), "cost: $5 {x}");
    let error = TextTemplate::compile("a ${ tokn } b", visible(&names, &env)).unwrap_err();
    assert_eq!(error.at, Some(5..9));
    assert!(TextTemplate::compile("a ${ token", visible(&names, &env)).is_err());
}

#[test]
fn an_object_of_a_variable_is_an_object() {
    let names: SlotNames = NAMES.into_iter().collect();
    let env = Env::default();
    let id = ValueTemplate::compile("${ user.id }", visible(&names, &env)).unwrap();
    let value = ValueTemplate::Object(vec![("id".into(), id)]).eval(&mut scope()).unwrap();
    assert_eq!(value.get_attr("id").unwrap(), Value::from(42));
    let mut out = Vec::new();
    write_json(&value, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"id":42}"#);
}

#[test]
fn a_json_body_is_fragments() {
    let names: SlotNames = NAMES.into_iter().collect();
    let env = Env::default();
    let text = |text: &str| ValueTemplate::compile(text, visible(&names, &env)).unwrap();
    let template = JsonTemplate::new(ValueTemplate::Object(vec![
        ("userId".into(), text("${ user.id }")),
        ("name".into(), text("user \"${ token }\"")),
        ("plain".into(), ValueTemplate::Const(Value::from(1))),
        ("seats".into(), text("${ seats }")),
        ("list".into(), ValueTemplate::List(vec![text("x"), text("${ null }")])),
    ]));
    let mut out = Vec::new();
    template.render(&mut scope(), &mut out).unwrap();
    let expected = r#"{"userId":42,"name":"user \"a\"b\"","plain":1,"seats":[10,20,30],"list":["x",null]}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected.replace("a\"b", "a\\\"b"));
}

#[test]
fn results_are_looked_up_by_the_name_of_a_step() {
    let numbers = object([("success".to_owned(), Value::from(50))]);
    let mut scope = scope();
    scope.results = Some(object([("reserve seat".to_owned(), numbers)]));
    let names: SlotNames = NAMES.into_iter().collect();
    let env = Env::default();
    let visible = Visible { results: true, ..visible(&names, &env) };
    let expr = Expr::compile("results[\"reserve seat\"].success == 50", visible).unwrap();
    assert!(expr.holds(&mut scope).unwrap());
}

#[test]
fn a_missing_header_is_null() {
    assert!(!holds_over("{}", "header('X-Token') != null"));
    assert!(holds_over("{}", "header('X-Token') == null"));
}
