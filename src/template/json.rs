//! JSON in and out of expressions: an answer's body as a value that forgives missing fields, and any value
//! written as JSON.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::scope::note_missing;

/// A body as a value; null where it is no JSON. JSON's `null` is null as well.
pub fn answer_json(body: &[u8]) -> Value {
    serde_json::from_slice::<Lenient>(body).map_or(Value::UNDEFINED, |lenient| lenient.0)
}

/// JSON as a value; what is missing in it is null, as in an answer.
pub fn parse_json(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Lenient>(text).map(|lenient| lenient.0)
}

/// An object of these fields, in their order.
pub fn object(fields: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::from_object(Fields(fields.into_iter().map(|(name, value)| (Arc::from(name), value)).collect()))
}

/// Appends a value as JSON.
pub fn write_json(value: &Value, out: &mut Vec<u8>) {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.extend_from_slice(b"null"),
        // An object the engine cannot serialize (a function, say) is null rather than half a body.
        _ => {
            let start = out.len();
            if serde_json::to_writer(&mut *out, value).is_err() {
                out.truncate(start);
                out.extend_from_slice(b"null");
            }
        }
    }
}

/// A JSON object: keeps the order, and notes when something is looked up that it does not have.
#[derive(Debug)]
struct Fields(Vec<(Arc<str>, Value)>);

/// A JSON array of an answer; an index out of range is noted as missing.
#[derive(Debug)]
struct Items(Vec<Value>);

impl Object for Fields {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let found = self.0.iter().find(|(name, _)| &**name == key).map(|(_, value)| value.clone());
        if found.as_ref().is_none_or(Value::is_undefined) {
            note_missing();
        }
        found
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(name, _)| Value::from(Arc::clone(name))).collect())
    }
}

impl Object for Items {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = usize::try_from(key.clone()).ok().and_then(|index| self.0.get(index)).cloned();
        if found.as_ref().is_none_or(Value::is_undefined) {
            note_missing();
        }
        found
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
}

/// The name of a field, copied once: by way of a `String` it would be twice.
struct Name(Arc<str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }
            fn visit_str<E>(self, v: &str) -> Result<Name, E> {
                Ok(Name(Arc::from(v)))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

struct Lenient(Value);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Lenient;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Lenient, E> {
                Ok(Lenient(Value::UNDEFINED))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Lenient, E> {
                Ok(Lenient(Value::from(v)))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Lenient, E> {
                Ok(Lenient(Value::from(v)))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Lenient, E> {
                Ok(Lenient(Value::from(v)))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Lenient, E> {
                Ok(Lenient(Value::from(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Lenient, E> {
                Ok(Lenient(Value::from(v)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Lenient, A::Error> {
                let mut items = Vec::new();
                while let Some(Lenient(item)) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Lenient(Value::from_object(Items(items))))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lenient, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), Lenient(value))) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Lenient(Value::from_object(Fields(fields))))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
