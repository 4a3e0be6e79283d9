//! Tadoru: the traceability and response desk of a network operator. Commands, configuration, wiring; no logic.

mod cli;
mod commands;
mod config;
mod door;
mod embedded;
mod print;
mod reader;
mod sources;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print::fault(&error),
    };
    let code = match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => error.tell(),
    };
    // Live sources may still wait on a socket; what was acknowledged is durable by now.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}
