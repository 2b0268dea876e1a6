//! The reference ticketing service.
