use std::collections::HashMap;

use aws_smithy_types::Number;

use super::*;

fn requested(model: &str, body: &str) -> RequestedUnits {
    requested_of_model(model, body.as_bytes()).unwrap_or_else(|| panic!("{model}: {body}"))
}

fn one(units: &Units) -> &UnitCount {
    let mut counts = units.iter();
    let count = counts.next().expect("a count");
    assert!(counts.next().is_none());
    count
}

#[test]
fn images_are_counted_by_size_and_quality() {
    let body = r#"{"taskType":"TEXT_IMAGE","imageGenerationConfig":
        {"numberOfImages":3,"width":1024,"height":2048,"quality":"premium"}}"#;
    for model in ["amazon.nova-canvas-v1:0", "us.amazon.nova-canvas-v1:0", "amazon.titan-image-generator-v2:0"] {
        let requested = requested(model, body);
        let images = one(&requested.likely);
        assert_eq!((images.thousandths(), images.side(), images.word()), (3_000, Some(2_048), Some("premium")));
        assert_eq!(requested.status, CostStatus::Exact);
    }
}

/// Returns the head of a PNG of this size.
fn png(width: u32, height: u32) -> String {
    use base64::Engine as _;
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn an_edited_image_is_as_large_as_its_input() {
    let (small, large) = (png(800, 1_000), png(1_100, 600));
    for (task, params, image, side, status) in [
        ("INPAINTING", "inPaintingParams", &*small, 1_000, CostStatus::Exact),
        ("INPAINTING", "inPaintingParams", &*large, 1_100, CostStatus::Exact),
        ("OUTPAINTING", "outPaintingParams", &*large, 1_100, CostStatus::Exact),
        ("BACKGROUND_REMOVAL", "backgroundRemovalParams", &*large, 1_100, CostStatus::Exact),
        // An image that cannot be read counts as the largest.
        ("INPAINTING", "inPaintingParams", "AAAA", 2_048, CostStatus::Bounded),
        ("OUTPAINTING", "other", &*small, 2_048, CostStatus::Bounded),
    ] {
        let body = format!(r#"{{"taskType":"{task}","{params}":{{"image":"{image}"}}}}"#);
        let requested = requested("amazon.nova-canvas-v1:0", &body);
        assert_eq!((one(&requested.likely).side(), requested.status), (Some(side), status), "{task} {side}");
    }
    let sized = format!(
        r#"{{"taskType":"OUTPAINTING","outPaintingParams":{{"image":"{large}"}},"imageGenerationConfig":{{"width":512,"height":512}}}}"#
    );
    assert_eq!(one(&requested("amazon.nova-canvas-v1:0", &sized).likely).side(), Some(512));
}

#[test]
fn fewer_images_than_requested_are_estimated() {
    let three = requested("amazon.nova-canvas-v1:0", r#"{"imageGenerationConfig":{"numberOfImages":3}}"#);
    let made = |images| three.with_answer(ReportedUnits { images: Some(images), searches: None });
    assert_eq!(made(3), (three.likely.clone(), CostStatus::Exact));
    let (two, status) = made(2);
    assert_eq!((one(&two).thousandths(), one(&two).side(), status), (2_000, Some(1_024), CostStatus::Estimated));
    assert!(made(0).0.is_empty());
}

#[test]
fn a_missing_size_is_bounded() {
    let whole = r#"{"text_prompts":[],"width":512,"height":512,"steps":30,"samples":2}"#;
    let xl = "stability.stable-diffusion-xl-v1";
    let images = requested(xl, whole);
    assert_eq!((one(&images.likely).side(), one(&images.likely).steps()), (Some(512), Some(30)));
    assert_eq!(images.status, CostStatus::Exact);
    assert_eq!(requested(xl, r#"{"text_prompts":[]}"#).status, CostStatus::Bounded);
    assert_eq!(requested("stability.sd3-5-large-v1:0", "{}").status, CostStatus::Exact);
}

#[test]
fn a_rerank_is_a_query_for_each_hundred_documents() {
    let body = |documents: usize, bytes: usize| {
        let document = format!("\"{}\"", "x".repeat(bytes));
        format!(r#"{{"query":"q","documents":[{}]}}"#, vec![document; documents].join(","))
    };
    let queries = |documents, bytes| {
        let requested = requested("cohere.rerank-v3-5:0", &body(documents, bytes));
        (one(&requested.likely).thousandths() / 1_000, one(&requested.most).thousandths() / 1_000, requested.status)
    };
    assert_eq!(queries(1, 10), (1, 1, CostStatus::Exact));
    assert_eq!(queries(100, 100), (1, 1, CostStatus::Exact));
    assert_eq!(queries(101, 100), (2, 2, CostStatus::Exact));
    assert_eq!(queries(350, 100), (4, 4, CostStatus::Exact));
    // A document of 1,500 bytes has at most three chunks, and probably one.
    assert_eq!(queries(100, 1_500), (1, 3, CostStatus::Estimated));
    let answered = requested("cohere.rerank-v3-5:0", &body(100, 1_500))
        .with_answer(ReportedUnits { images: None, searches: Some(2) });
    assert_eq!((one(&answered.0).thousandths(), answered.1), (2_000, CostStatus::Exact));
}

#[test]
fn an_image_to_embed_is_billed_in_addition_to_its_text() {
    for (model, body, images) in [
        ("cohere.embed-english-v3", r#"{"input_type":"image","images":["data:image/png;base64,aGk="]}"#, 1_000),
        ("cohere.embed-multilingual-v3", r#"{"input_type":"search_query","texts":["a"]}"#, 0),
        ("amazon.titan-embed-image-v1", r#"{"inputText":"a","inputImage":"aGk="}"#, 1_000),
        ("amazon.titan-embed-image-v1", r#"{"inputText":"a"}"#, 0),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            r#"{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"image":{"format":"png"}}}"#,
            1_000,
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            r#"{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"text":{"value":"a"}}}"#,
            0,
        ),
    ] {
        let requested = requested(model, body);
        assert!(requested.bills_tokens);
        assert_eq!(requested.likely.iter().map(UnitCount::thousandths).sum::<u64>(), images, "{body}");
    }
    for (level, word) in [
        ("", None),
        (r#""detailLevel":"STANDARD_IMAGE","#, None),
        (r#""detailLevel":"DOCUMENT_IMAGE","#, Some("document")),
    ] {
        let body = format!(r#"{{"singleEmbeddingParams":{{"image":{{{level}"format":"png"}}}}}}"#);
        let requested = requested("amazon.nova-2-multimodal-embeddings-v1:0", &body);
        assert_eq!(one(&requested.likely).word(), word, "{level}");
    }
    let other = r#"{"singleEmbeddingParams":{"image":{"detailLevel":"OTHER"}}}"#;
    assert!(
        requested_of_model("amazon.nova-2-multimodal-embeddings-v1:0", other.as_bytes()).is_none(),
        "no known price"
    );
    let sound = r#"{"singleEmbeddingParams":{"audio":{"format":"mp3"}}}"#;
    assert!(requested_of_model("amazon.nova-2-multimodal-embeddings-v1:0", sound.as_bytes()).is_none(), "how long?");
    let query = requested("twelvelabs.marengo-embed-3-0-v1:0", r#"{"inputType":"text","text":{"inputText":"a"}}"#);
    assert_eq!(one(&query.likely).unit(), Unit::Query);
}

#[test]
fn a_model_billed_by_the_token_requests_no_units() {
    for model in ["anthropic.claude-3-haiku-20240307-v1:0", "amazon.titan-embed-text-v2:0", "m", ""] {
        assert!(requested_of_model(model, b"{}").is_none(), "{model}");
    }
    for body in [&b"not json"[..], b"", b"[]", b"{\"documents\":3}"] {
        assert!(requested_of_model("cohere.rerank-v3-5:0", body).is_none());
    }
}

fn object(members: &[(&str, Document)]) -> Document {
    Document::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<HashMap<_, _>>())
}

fn number(n: u64) -> Document {
    Document::Number(Number::PosInt(n))
}

#[test]
fn a_job_is_estimated_by_its_requested_seconds() {
    let seconds = |model: &str, input: &Document| {
        let requested = requested_of_job(model, input)?;
        assert_eq!(requested.status, CostStatus::Estimated);
        Some(one(&requested.likely).thousandths())
    };
    let reel = "amazon.nova-reel-v1:1";
    let config = object(&[("videoGenerationConfig", object(&[("durationSeconds", number(12))]))]);
    assert_eq!(seconds(reel, &config), Some(12_000));
    assert_eq!(seconds(reel, &object(&[])), Some(6_000));
    let shots = Document::Array(vec![object(&[]), object(&[]), object(&[])]);
    assert_eq!(seconds(reel, &object(&[("multiShotManualParams", object(&[("shots", shots)]))])), Some(18_000));
    let ray = object(&[("duration", Document::from("9s")), ("resolution", Document::from("540p"))]);
    let requested = requested_of_job("luma.ray-v2:0", &ray).expect("seconds");
    assert_eq!((one(&requested.likely).thousandths(), one(&requested.likely).word()), (9_000, Some("540p")));
    let sound = object(&[("inputType", Document::from("audio")), ("lengthSec", Document::Number(Number::Float(1.5)))]);
    assert_eq!(seconds("twelvelabs.marengo-embed-3-0-v1:0", &sound), Some(1_500));
    for (model, input) in [
        (reel, object(&[("videoGenerationConfig", object(&[("durationSeconds", Document::from("long"))]))])),
        ("luma.ray-v2:0", object(&[("duration", Document::from("soon"))])),
        ("twelvelabs.marengo-embed-3-0-v1:0", object(&[("inputType", Document::from("video"))])),
        ("some.model-v1", object(&[])),
    ] {
        assert!(seconds(model, &input).is_none(), "{model}");
    }
}
