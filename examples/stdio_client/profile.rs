//! What the scenario calls on each of the servers it knows.

/// A tool and its arguments as JSON.
pub type Call = (&'static str, &'static str);

/// Names of one server.
pub struct Profile {
    pub tool: Call,
    /// What the tool's text has in it.
    pub tool_says: &'static str,
    pub failing_tool: Call,
    pub progress_tool: Call,
    /// How many progress notifications it sends at least.
    pub progress: usize,
    pub logging_tool: Call,
    pub sampling_tool: Call,
    pub elicitation_tool: Call,
    pub slow_tool: Call,
    pub resources: [&'static str; 2],
    /// How many templates, prompts and tools there are at least.
    pub templates: usize,
    pub prompts: usize,
    pub tools: usize,
    pub prompt: Call,
    /// A prompt, one of its arguments, and what has been typed.
    pub completion: (&'static str, &'static str, &'static str),
    /// Whether it declares that resources can be subscribed to.
    pub subscribes: bool,
}

/// The profile of that name; `None` when there is none.
pub fn find(name: &str) -> Option<Profile> {
    match name {
        "py1" => Some(PYTHON_1),
        "py2" => Some(PYTHON_2),
        "everything" => Some(EVERYTHING),
        "rmcp" => Some(RMCP),
        "ours" => Some(OURS),
        _ => None,
    }
}

/// The fixture server on the Python SDK 1.
const PYTHON_1: Profile = Profile {
    tool: ("test_simple_text", "{}"),
    tool_says: "simple text response",
    failing_tool: ("test_error_handling", "{}"),
    progress_tool: ("test_tool_with_progress", "{}"),
    progress: 3,
    logging_tool: ("test_tool_with_logging", "{}"),
    sampling_tool: ("test_sampling", r#"{"prompt":"hello"}"#),
    elicitation_tool: ("test_elicitation", r#"{"message":"who are you?"}"#),
    slow_tool: ("slow", r#"{"seconds":30}"#),
    resources: ["test://static-text", "test://template/123/data"],
    templates: 1,
    prompts: 2,
    tools: 7,
    prompt: (
        "test_prompt_with_arguments",
        r#"{"arg1":"hello","arg2":"world"}"#,
    ),
    completion: ("test_prompt_with_arguments", "arg1", "par"),
    // It serves the method all the same; a client may not rely on it.
    subscribes: false,
};

/// The fixture server on the Python SDK 2, where input is asked for in rounds.
const PYTHON_2: Profile = Profile {
    sampling_tool: ("test_input_required_result_sampling", "{}"),
    elicitation_tool: ("test_input_required_result_elicitation", "{}"),
    tools: 9,
    subscribes: true,
    ..PYTHON_1
};

/// The fixture server on rmcp, `tests/peers/rmcp_server/src/http.rs`, in both eras.
const RMCP: Profile = Profile {
    subscribes: true,
    ..PYTHON_1
};

/// The conformance server among these examples, whichever era it is spoken to in.
const OURS: Profile = Profile {
    tools: 10,
    subscribes: true,
    ..PYTHON_1
};

/// The reference "everything" server on the TypeScript SDK.
const EVERYTHING: Profile = Profile {
    tool: ("echo", r#"{"message":"hi there"}"#),
    tool_says: "hi there",
    failing_tool: ("get-sum", r#"{"a":"not-a-number","b":1}"#),
    progress_tool: (
        "trigger-long-running-operation",
        r#"{"duration":1,"steps":4}"#,
    ),
    progress: 3,
    logging_tool: ("toggle-simulated-logging", "{}"),
    sampling_tool: (
        "trigger-sampling-request",
        r#"{"prompt":"hello","maxTokens":10}"#,
    ),
    elicitation_tool: ("trigger-elicitation-request", "{}"),
    slow_tool: (
        "trigger-long-running-operation",
        r#"{"duration":30,"steps":3}"#,
    ),
    resources: [
        "demo://resource/static/document/features.md",
        "demo://resource/dynamic/text/1",
    ],
    templates: 2,
    prompts: 3,
    tools: 10,
    prompt: ("args-prompt", r#"{"city":"Lima","state":"none"}"#),
    completion: ("completable-prompt", "department", "E"),
    subscribes: true,
};
