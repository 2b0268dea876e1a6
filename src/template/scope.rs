//! What an expression can see while a user runs: its variables, its number, its randomness, the last answer.
//!
//! The expression engine wants a context that anyone may share; a scope belongs to one user. So it is lent to
//! the thread for the length of one evaluation (a pointer moved in and out) and the context handed to the
//! engine is an empty object that looks there. Nothing is built per evaluation.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};

use super::env::{Env, SecretError};
use super::json::answer_json;
use super::{Random, Slot};
use crate::http::{EncodingError, Response};

/// What all users of a run share.
#[derive(Debug, Default)]
pub struct Shared {
    pub seed: u64,
    pub target_url: String,
    pub target_bundled: bool,
    pub env: Env,
    /// What `secret()` gave out, by name: never shown in a report.
    secrets: Mutex<Vec<(String, String)>>,
    /// `counter(name)`: in the order of first use; a run has few.
    counters: Mutex<Vec<(String, Arc<AtomicU64>)>>,
}

impl Shared {
    pub fn new(seed: u64, target_url: String, target_bundled: bool, env: Env) -> Self {
        Shared { seed, target_url, target_bundled, env, ..Shared::default() }
    }

    /// A secret by its name. It is looked for once in a run: what lies in a file is not read for each request.
    pub(super) fn secret(&self, name: &str) -> Result<String, SecretError> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = secrets.iter().find(|(known, _)| known == name) {
            return Ok(value.clone());
        }
        let value = self.env.secret(name)?;
        secrets.push((name.to_owned(), value.clone()));
        Ok(value)
    }

    /// Has reports leave out a secret that no `secret()` gave.
    pub fn keep_secret(&self, name: &str, value: &str) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.push((name.to_owned(), value.to_owned()));
    }

    /// What must not be shown.
    pub fn secrets(&self) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().map(|(_, value)| value.clone()).collect()
    }

    /// 1, 2, 3 … over the run.
    pub(super) fn count(&self, name: &str) -> u64 {
        let counter = {
            let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, counter)) = counters.iter().find(|(known, _)| known == name) {
                Arc::clone(counter)
            } else {
                let counter = Arc::new(AtomicU64::new(0));
                counters.push((name.to_owned(), Arc::clone(&counter)));
                counter
            }
        };
        counter.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The last answer, as expressions see it.
#[derive(Debug, Default)]
pub struct Answer {
    pub response: Response,
    pub duration: Duration,
    /// `success`, a business outcome's name, or a cause; empty until the answer is classified.
    pub outcome: String,
    /// The body as JSON, parsed when first read.
    json: Option<Value>,
}

/// How it stands with an answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// There is none, and no trace of one.
    #[default]
    None,
    /// It may be arriving, or have failed to.
    Expected,
    /// It is there: expressions may read it.
    There,
}

/// What one user sees.
#[derive(Debug, Default)]
pub struct Scope {
    pub shared: Arc<Shared>,
    /// The scenario's name and number.
    pub scenario: Arc<str>,
    pub scenario_index: u16,
    /// Names of the slots.
    names: Arc<[String]>,
    slots: Vec<Option<Value>>,
    pub user_id: u64,
    /// From 1.
    pub iteration: u64,
    pub random: Random,
    /// Where answers are read into: kept from request to request, so that none of them allocates it.
    answer: Box<Answer>,
    standing: Standing,
    /// `results`, in `verify` only.
    pub results: Option<Value>,
}

impl Scope {
    pub fn new(
        shared: Arc<Shared>,
        scenario: Arc<str>,
        scenario_index: u16,
        names: Arc<[String]>,
    ) -> Box<Self> {
        let random = Random::of_iteration(shared.seed, u64::from(scenario_index), 0, 0);
        let slots = vec![None; names.len()];
        Box::new(Scope { slots, shared, scenario, scenario_index, names, random, ..Scope::default() })
    }

    /// Begins an iteration: its number, its randomness, no answer yet.
    pub fn begin_iteration(&mut self, iteration: u64) {
        self.iteration = iteration;
        self.random =
            Random::of_iteration(self.shared.seed, u64::from(self.scenario_index), self.user_id, iteration);
        self.forget_answer();
    }

    pub fn get(&self, slot: Slot) -> Option<&Value> {
        self.slots.get(slot.index()).and_then(Option::as_ref)
    }

    pub fn set(&mut self, slot: Slot, value: Option<Value>) {
        if let Some(place) = self.slots.get_mut(slot.index()) {
            *place = value;
        }
    }

    /// All slots, to hand on what `setup` and `on_start` left.
    pub fn slots(&self) -> &[Option<Value>] {
        &self.slots
    }

    pub fn set_all(&mut self, slots: &[Option<Value>]) {
        self.slots.clear();
        self.slots.extend_from_slice(slots);
    }

    /// Where the next answer goes.
    pub fn expect_answer(&mut self) -> &mut Response {
        self.forget_answer();
        self.standing = Standing::Expected;
        &mut self.answer.response
    }

    /// The answer is there: expressions may read it.
    pub fn answered(&mut self, took: Duration) {
        self.standing = Standing::There;
        self.answer.duration = took;
    }

    pub fn answer(&self) -> Option<&Answer> {
        (self.standing == Standing::There).then_some(&*self.answer)
    }

    /// What has arrived of an answer, whether or not it was whole.
    pub fn response(&self) -> &Response {
        &self.answer.response
    }

    /// Reads the answer's body as what it was before the server encoded it; see [`Response::decode`].
    pub fn decode_answer(&mut self) -> Result<(), EncodingError> {
        self.answer.response.decode()
    }

    /// Lets go of the answer, and of its buffers.
    pub fn forget_answer(&mut self) {
        // Several may ask for it between two requests.
        if self.standing == Standing::None {
            return;
        }
        self.standing = Standing::None;
        self.answer.response.reset();
        self.answer.json = None;
        self.answer.outcome.clear();
    }

    /// Says what the answer was taken for, where there is one.
    pub fn set_outcome(&mut self, name: &str) {
        if self.standing == Standing::There {
            name.clone_into(&mut self.answer.outcome);
        }
    }

    /// The answer's body as JSON; null where there is none or it is no JSON.
    pub(super) fn json(&mut self) -> Value {
        if self.standing != Standing::There {
            return Value::UNDEFINED;
        }
        let Answer { json, response, .. } = &mut *self.answer;
        json.get_or_insert_with(|| answer_json(response.body())).clone()
    }

    /// A header of the answer as text; null where it is missing.
    pub(super) fn header(&self, name: &str) -> Value {
        match self.answer().and_then(|answer| answer.response.header(name)) {
            Some(value) => text(value),
            None => Value::UNDEFINED,
        }
    }

    pub(super) fn status(&self) -> Value {
        self.answer().map_or(Value::UNDEFINED, |answer| Value::from(answer.response.status()))
    }

    /// What a name stands for. Null for a name without a value.
    fn lookup(&mut self, name: &str) -> Option<Value> {
        match name {
            "user" => return Some(Value::from_dyn_object(USER.clone())),
            "target" => return Some(Value::from_dyn_object(TARGET.clone())),
            "null" => return Some(Value::UNDEFINED),
            "scenario" => return Some(Value::from(&*self.scenario)),
            "json" => {
                let json = self.json();
                if json.is_undefined() {
                    note_missing();
                }
                return Some(json);
            }
            "status" => return Some(self.status()),
            "body" => {
                let answer = self.answer();
                return Some(answer.map_or(Value::UNDEFINED, |answer| text(answer.response.body())));
            }
            "outcome" => {
                return Some(self.answer().map_or(Value::UNDEFINED, |a| Value::from(a.outcome.as_str())));
            }
            "duration_ms" => {
                return Some(
                    self.answer()
                        .map_or(Value::UNDEFINED, |answer| Value::from(answer.duration.as_secs_f64() * 1e3)),
                );
            }
            "results" => return self.results.clone(),
            _ => {}
        }
        let place = self.names.iter().position(|known| known == name)?;
        self.slots.get(place)?.clone()
    }
}

/// Bytes as text, with a mark in place of each that is none.
fn text(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => Value::from(String::from_utf8_lossy(bytes).as_ref()),
    }
}

thread_local! {
    static CURRENT: RefCell<Box<Scope>> = RefCell::default();
    /// How often a lookup in an answer found nothing, less those that `default` mended.
    static MISSING: Cell<u32> = const { Cell::new(0) };
}

/// Lends the scope to this thread while `evaluate` runs, and gives it back. Returns also how many lookups in
/// an answer found nothing.
pub(super) fn lend<T>(scope: &mut Box<Scope>, evaluate: impl FnOnce() -> T) -> (T, u32) {
    /// Gives the scope back also where `evaluate` panics, so that no other user ever sees it.
    struct Lent<'a>(&'a mut Box<Scope>);
    impl Drop for Lent<'_> {
        fn drop(&mut self) {
            CURRENT.with(|current| std::mem::swap(&mut *current.borrow_mut(), self.0));
        }
    }
    CURRENT.with(|current| std::mem::swap(&mut *current.borrow_mut(), scope));
    MISSING.set(0);
    let lent = Lent(scope);
    let value = evaluate();
    drop(lent);
    (value, MISSING.get())
}

/// Lets a builtin use the scope of the user whose expression is evaluated.
pub(super) fn with_current<T>(use_it: impl FnOnce(&mut Scope) -> T) -> T {
    CURRENT.with(|current| use_it(&mut current.borrow_mut()))
}

pub(super) fn note_missing() {
    MISSING.set(MISSING.get() + 1);
}

pub(super) fn mend_missing() {
    MISSING.set(MISSING.get().saturating_sub(1));
}

/// The context handed to the engine: looks every name up in the current scope.
#[derive(Debug)]
struct Names;

#[derive(Debug)]
struct UserObject;

#[derive(Debug)]
struct TargetObject;

static USER: LazyLock<minijinja::value::DynObject> =
    LazyLock::new(|| minijinja::value::DynObject::new(Arc::new(UserObject)));
static TARGET: LazyLock<minijinja::value::DynObject> =
    LazyLock::new(|| minijinja::value::DynObject::new(Arc::new(TargetObject)));
pub(super) static CONTEXT: LazyLock<Value> = LazyLock::new(|| Value::from_object(Names));

impl Object for Names {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        with_current(|scope| scope.lookup(key))
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl Object for UserObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        with_current(|scope| match key {
            "id" => Some(Value::from(scope.user_id)),
            "iteration" => Some(Value::from(scope.iteration)),
            _ => None,
        })
    }
}

impl Object for TargetObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        with_current(|scope| match key {
            "url" => Some(Value::from(scope.shared.target_url.as_str())),
            "bundled" => Some(Value::from(scope.shared.target_bundled)),
            _ => None,
        })
    }
}
