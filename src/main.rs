use std::process::ExitCode;

fn main() -> ExitCode {
    timpush_exporter::cli::main()
}
