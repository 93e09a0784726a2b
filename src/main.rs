//! The `dr-drill` command: everything lives in the library, this returns its exit code.

fn main() -> std::process::ExitCode {
    dr_drill::cli::main()
}
