//! A user's connection.

/// An answer.
#[derive(Debug)]
pub struct Response {
    status: u16,
    body: Vec<u8>,
}

impl Response {
    pub fn status(&self) -> u16 {
        self.status
    }
    pub fn header(&self, _name: &str) -> Option<&[u8]> {
        None
    }
    pub fn body(&self) -> &[u8] {
        &self.body
    }
    /// An answer without a connection, for tests of what reads it.
    #[cfg(test)]
    pub(crate) fn for_tests(status: u16, body: &str) -> Self {
        Response { status, body: body.as_bytes().to_vec() }
    }
}
