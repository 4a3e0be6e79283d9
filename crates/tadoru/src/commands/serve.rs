//! `tadoru serve`.
use std::process::ExitCode;
use crate::cli::Global;
use crate::door::CommandError;
pub async fn run(_global: &Global) -> Result<ExitCode, CommandError> { Ok(ExitCode::SUCCESS) }
