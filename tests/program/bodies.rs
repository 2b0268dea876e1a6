//! Bodies with files in them, and how requests say who sends them and where they go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording};

/// A run of one iteration with files beside the scenario, and what the server was asked.
fn once(rest: &str, files: &[(&str, &str)]) -> (Ended, Vec<Asked>) {
    let server = Recording::start(|_| Answer::json(&json!({ "token": "tok-4711" })));
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 1 }}\n{rest}", server.url());
    let run = files.iter().fold(Loadtest::run(&yaml), |run, (name, text)| run.file(name, text));
    (run.end(), server.asked())
}

/// A part of a form, as a parser that is not ours reads it.
#[derive(Debug, PartialEq)]
struct Part {
    name: String,
    file_name: Option<String>,
    content_type: Option<String>,
    content: Vec<u8>,
}

fn part(name: &str, file_name: Option<&str>, content_type: Option<&str>, content: &[u8]) -> Part {
    Part {
        name: name.into(),
        file_name: file_name.map(Into::into),
        content_type: content_type.map(Into::into),
        content: content.into(),
    }
}

fn parts_of(asked: &Asked) -> Vec<Part> {
    let boundary = multer::parse_boundary(asked.header("content-type").unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut form = multer::Multipart::with_reader(asked.bytes.as_slice(), boundary);
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await.unwrap() {
            parts.push(Part {
                name: field.name().unwrap().to_owned(),
                file_name: field.file_name().map(str::to_owned),
                content_type: field.content_type().map(ToString::to_string),
                content: field.bytes().await.unwrap().to_vec(),
            });
        }
        parts
    })
}

#[test]
fn a_form_with_files() {
    let picture = "\u{1}PNG\r\n--not the end\r\n";
    let (ended, asked) = once(
        r#"flow:
  - post: /upload
    multipart:
      title: 'a "title" of ${ user.id }'
      picture: { file: pictures.png }
      named: { file: pictures.png, file_name: 'seat "${ user.id }".png', content_type: image/png }
      about: { json: { seat: "${ user.id }", tags: [a] } }
      note: { value: "<n/>", content_type: application/xml }
      many: [one, "${ user.iteration }", { file: empty.txt }]
  - post: /again
    multipart: { fixed: text, file: { file: pictures.png } }
"#,
        &[("pictures.png", picture), ("empty.txt", "")],
    );
    ended.expect_passed();
    let octets = Some("application/octet-stream");
    assert_eq!(
        parts_of(&asked[0]),
        [
            part("title", None, None, b"a \"title\" of 1"),
            part("picture", Some("pictures.png"), octets, picture.as_bytes()),
            part("named", Some("seat %221%22.png"), Some("image/png"), picture.as_bytes()),
            part("about", None, Some("application/json"), br#"{"seat":1,"tags":["a"]}"#),
            part("note", None, Some("application/xml"), b"<n/>"),
            part("many", None, None, b"one"),
            part("many", None, None, b"1"),
            part("many", Some("empty.txt"), octets, b""),
        ]
    );
    let [fixed, file] = parts_of(&asked[1]).try_into().unwrap();
    assert_eq!(fixed, part("fixed", None, None, b"text"));
    assert_eq!(file, part("file", Some("pictures.png"), octets, picture.as_bytes()));
}

/// Several megabytes, sent by several users at once from the one copy there is.
#[test]
fn large_files_arrive_whole() {
    let server = Recording::start(|asked| {
        let good = asked.bytes.windows(3).filter(|three| three == b"\n\x7f\n").count();
        Answer::ok().body(&format!("{} {good}", asked.bytes.len()))
    });
    let line = format!("{}\n\u{7f}\n", "x".repeat(997));
    let large = line.repeat(4_000);
    let yaml = format!(
        "target: {}\nload: {{ users: 4, iterations: 8 }}\nflow:\n\
         \x20 - name: whole\n    put: /file\n    body: {{ file: large.bin }}\n\
         \x20   expect: {{ checks: {{ all of it: body == \"{} 4000\" }} }}\n\
         \x20 - name: part\n    post: /form\n    multipart: {{ before: \"${{ user.id }}\", large: {{ file: large.bin }}, after: x }}\n\
         \x20   expect: {{ checks: {{ all of it: 'body | regex(\" (.*)\") == \"4000\"' }} }}\n",
        server.url(),
        large.len()
    );
    let ended = Loadtest::run(&yaml).file("large.bin", &large).end().expect_passed();
    let ended = ended.expect_sent(server.asked().len());
    assert_eq!((ended.count("whole", "success"), ended.count("part", "success")), (8, 8), "{}", ended.said());
    let asked = server.asked();
    assert!(asked.iter().any(|asked| asked.header("content-type") == Some("application/octet-stream")));
    let form = asked.iter().find(|asked| asked.target == "/form").unwrap();
    let parts = parts_of(form);
    assert_eq!(parts[1].content, large.as_bytes());
    assert_eq!(parts[2], part("after", None, None, b"x"));
}

/// A value from an answer may be a form that the server was sent before: it must not end the part it stands in.
#[test]
fn a_part_cannot_break_out() {
    let server = Recording::start(|asked| Answer::ok().body(&asked.body));
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\nvars: {{ evil: \"text/x\\r\\nX-Injected: yes\" }}\nflow:\n\
         \x20 - name: first\n    post: /first\n    multipart: {{ text: \"${{ mine | default('x') }}\" }}\n\
         \x20   capture: {{ mine: body }}\n\
         \x20 - name: second\n    post: /second\n    multipart: {{ text: \"${{ mine }}\" }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(97);
    assert_eq!(server.asked().len(), 1, "{}", ended.said());
    assert!(ended.stderr.contains("holds what separates the parts"), "{}", ended.said());
    let typed = yaml
        .split("  - name: second")
        .next()
        .unwrap()
        .replace("text: \"${ mine | default('x') }\"", "text: { value: x, content_type: \"${ evil }\" }")
        .replace("    capture: { mine: body }\n", "");
    let ended = Loadtest::run(&typed).end().expect_code(97);
    assert!(ended.stderr.contains("has a line break"), "{}", ended.said());
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn values_of_one_name() {
    let (ended, asked) = once(
        "flow:\n  - post: /form\n    query: { tag: [a, \"${ user.id }\"], page: 1 }\n    form: { scope: [read, write x], one: 1 }\n",
        &[],
    );
    ended.expect_passed();
    assert_eq!(asked[0].target, "/form?tag=a&tag=1&page=1");
    assert_eq!(asked[0].body, "scope=read&scope=write%20x&one=1");
}

#[test]
fn who_sends_a_request() {
    let (ended, asked) = once(
        r#"http:
  auth: { basic: { user: me, password: "p:ä" } }
  headers: { X-Other: x }
setup:
  - get: /setup
flow:
  - name: default
    post: /default
    capture: { token: json.token }
  - name: bearer
    get: /bearer
    auth: { bearer: "${ token }" }
  - name: per user
    get: /per-user
    auth: { basic: { user: "user${ user.id }", password: "${ user.id * 2 }" } }
  - name: nobody
    get: /nobody
    auth: none
  - name: own header
    get: /own
    headers: { authorization: Digest x }
"#,
        &[],
    );
    ended.expect_passed();
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let said: Vec<Option<&str>> = asked.iter().map(|asked| asked.header("authorization")).collect();
    assert_eq!(
        said,
        [
            Some(basic("me:p:ä").as_str()),
            Some(basic("me:p:ä").as_str()),
            Some("Bearer tok-4711"),
            Some(basic("user1:2").as_str()),
            None,
            Some("Digest x"),
        ]
    );
    let headers =
        asked.iter().map(|asked| asked.headers.iter().filter(|(name, _)| name == "authorization").count());
    assert!(headers.into_iter().all(|count| count < 2));
}

/// A token that would break out of its line is a fault of the test, and is not sent.
#[test]
fn who_sends_a_request_cannot_be_split() {
    let (ended, asked) = once(
        "vars: { evil: \"a\\r\\nX-Injected: yes\" }\nflow:\n  - get: /first\n  - get: /a\n    auth: { bearer: \"${ evil }\" }\n",
        &[],
    );
    assert_eq!(asked.len(), 1, "{}", ended.said());
    ended.expect_code(97);
}

#[test]
fn where_paths_begin() {
    let elsewhere = Recording::start(|_| Answer::ok());
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}/base/\nhttp: {{ base_url: /v1/ }}\nload: {{ users: 1, iterations: 1 }}\nflow:\n\
         \x20 - name: default\n    get: /a?b=c\n\
         \x20 - name: own path\n    get: /a\n    base_url: /v2\n\
         \x20 - name: root\n    get: /a\n    base_url: /\n\
         \x20 - name: elsewhere\n    get: /a/${{ user.id }}\n    base_url: \"${{ env('OTHER') }}/x\"\n\
         \x20 - name: whole URL\n    get: {}/whole\n",
        server.url(),
        elsewhere.url()
    );
    let ended =
        Loadtest::run(&yaml).args(&["--env", &format!("OTHER={}", elsewhere.url())]).end().expect_passed();
    let targets =
        |server: &Recording| server.asked().into_iter().map(|asked| asked.target).collect::<Vec<_>>();
    assert_eq!(targets(&server), ["/base/v1/a?b=c", "/base/v2/a", "/base/a"]);
    assert_eq!(targets(&elsewhere), ["/x/a/1", "/whole"]);
    assert_eq!(ended.row("default")["path"], "/v1/a?b=c");
}
