//! Reads the job in the answers of StartAsyncInvoke and GetAsyncInvoke.

use outlay_otel::JobEnd;
use serde::Deserialize;

use super::lenient::Text;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    invocation_arn: Text,
    status: Text,
}

/// Returns the ARN of the started job.
pub(crate) fn read_job_start(json: &[u8]) -> Option<String> {
    read(json).invocation_arn.0
}

/// Returns the ARN of a job and how it ended, or `None` while it is running.
pub(crate) fn read_job_status(json: &[u8]) -> Option<(String, JobEnd)> {
    let answer = read(json);
    let end = match answer.status.0.as_deref()? {
        "Completed" => JobEnd::Completed,
        "Failed" => JobEnd::Failed,
        _ => return None,
    };
    Some((answer.invocation_arn.0?, end))
}

fn read(json: &[u8]) -> Answer {
    serde_json::from_slice(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ended_job_has_a_result() {
        let status =
            |status: &str| read_job_status(format!(r#"{{"invocationArn":"a","status":"{status}"}}"#).as_bytes());
        assert_eq!(status("Completed"), Some(("a".to_owned(), JobEnd::Completed)));
        assert_eq!(status("Failed"), Some(("a".to_owned(), JobEnd::Failed)));
        assert_eq!(status("InProgress"), None);
        assert_eq!(read_job_status(b"odd"), None);
        assert_eq!(read_job_start(br#"{"invocationArn":"a"}"#).as_deref(), Some("a"));
    }
}
