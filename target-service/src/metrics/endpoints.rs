//! Which counter a request belongs to: that of its method and of its path's template.
//!
//! Paths that are not ours share one, or whoever tries paths at random would fill the memory.

/// The methods with a counter of their own; all others share the last.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "other"];
/// The template of all paths without one.
const NO_TEMPLATE: &str = "none";

/// One method on one template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint(usize);

impl Endpoint {
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// All endpoints.
#[derive(Debug)]
pub(crate) struct Endpoints {
    /// Leads from a path to its template's place in `templates`.
    paths: matchit::Router<usize>,
    /// The last one is that of no template.
    templates: Vec<&'static str>,
}

impl Endpoints {
    pub(super) fn new(templates: &[&'static str]) -> Self {
        let mut paths = matchit::Router::new();
        for (number, template) in templates.iter().enumerate() {
            // The router that answers them has the same rules, and refuses to start with a bad one.
            let _ = paths.insert(*template, number);
        }
        Self { paths, templates: [templates, &[NO_TEMPLATE]].concat() }
    }

    pub(crate) fn find(&self, method: &str, path: &str) -> Endpoint {
        let template = self.paths.at(path).map_or(self.templates.len() - 1, |found| *found.value);
        let method = METHODS.iter().position(|&known| known == method).unwrap_or(METHODS.len() - 1);
        Endpoint(template * METHODS.len() + method)
    }

    /// Method and template of an endpoint.
    pub(crate) fn name(&self, Endpoint(index): Endpoint) -> (&'static str, &'static str) {
        let template = self.templates.get(index / METHODS.len()).copied().unwrap_or(NO_TEMPLATE);
        (METHODS[index % METHODS.len()], template)
    }

    pub(super) fn len(&self) -> usize {
        self.templates.len() * METHODS.len()
    }

    /// Method and template of every endpoint, in the order of their indices.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        (0..self.len()).map(|index| self.name(Endpoint(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_method_and_template() {
        let endpoints = Endpoints::new(&["/queues", "/users/{id}/balance"]);
        for (method, path, expected) in [
            ("GET", "/queues", ("GET", "/queues")),
            ("POST", "/queues", ("POST", "/queues")),
            ("BREW", "/queues", ("other", "/queues")),
            ("GET", "/users/7/balance", ("GET", "/users/{id}/balance")),
            ("GET", "/users/7/balance/x", ("GET", "none")),
            ("GET", "/queues/", ("GET", "none")),
            ("DELETE", "", ("DELETE", "none")),
        ] {
            let found = endpoints.find(method, path);
            assert_eq!(endpoints.name(found), expected, "{method} {path}");
        }
        assert_eq!(endpoints.names().last(), Some(("other", "none")));
    }
}
