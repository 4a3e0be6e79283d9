//! Tadoru: the traceability and response desk of a network operator. Commands, configuration, wiring; no logic.

mod cli;
mod commands;
mod config;
mod console;
mod door;
mod embedded;
mod network;
mod print;
mod reader;
mod sources;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    end_quietly_on_a_closed_pipe();
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

/// Whoever reads the output may stop reading (`| head`): that is no fault, and ends the command like a signal would.
fn end_quietly_on_a_closed_pipe() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        if text.starts_with("failed printing to std") && text.contains("Broken pipe") {
            std::process::exit(CLOSED_PIPE);
        }
        usual(info);
    }));
}

/// 128 and the number of SIGPIPE, as shells report it.
const CLOSED_PIPE: i32 = 141;
