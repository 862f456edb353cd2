//! Keys that AWS keeps: the real SDK against an SSM and a Secrets Manager in this process, in virtual time.

pub(crate) mod aws;
mod commands;
mod on_air;
mod reading;
