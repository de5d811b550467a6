use super::*;

fn error(text: &str) -> String {
    Policy::from_toml(text).unwrap_err().to_string()
}

#[test]
fn errors_have_line_field_and_expected_value() {
    assert_eq!(
        error("mode = \"observe\"\n\n[[budget]]\nname = \"b\"\n"),
        "line 3: budget `b`: expected exactly one of usd, tokens, calls, turns"
    );
    assert_eq!(
        error("[[budget]]\nname = \"b\"\nusd = \"1\"\ncalls = 2\n"),
        "line 1: budget `b`: expected exactly one of usd, tokens, calls, turns"
    );
    let cases = [
        ("[[budget]]\nname = \"b\"\nusd = \"a lot\"\n", "line 3: usd: `a lot`: ", "decimal number"),
        ("[[budget]]\nname = \"b\"\nusd = \"-1\"\n", "line 3: ", "below zero"),
        ("[[budget]]\nname = \"b\"\ncalls = 1\nevery = \"week\"\n", "line 4: every: ", "one of hour, day, month"),
        ("[[budget]]\nname = \"b\"\ncalls = 1\nonly = { team = 7 }\n", "line 4: ", "only.team"),
        ("[[budget]]\nname = \"b\"\nlimt = 1\n", "line 3: ", "unknown field `limt`"),
        ("[[budget]]\nname = \"b\"\ncalls = 1\nowner = \" \"\n", "line 4: owner: ", "must not be empty"),
        ("[[budget]]\nname = \"b\"\ncalls = 1\nnotify = \"a\\u0007b\"\n", "line 4: notify: ", "control character"),
        ("mode = \"refuse\"\n", "line 1: ", "observe"),
        ("[[stop]]\nreason = \"r\"\nonly = { team = \"a\", task = \"t\" }\n", "line 3: ", "exactly one key"),
        ("[[stop]]\nreason = \"r\"\nonly = {}\n", "line 3: ", "exactly one key"),
        ("[runaway]\nspend = { usd = \"1\", within = \"soon\" }\n", "line 2: spend.within: ", "not a duration such as"),
        ("[runaway]\nspend = { usd = \"1\", within = \"-5s\" }\n", "line 2: ", "not a positive duration"),
        ("[[rule]]\nname = \"r\"\nexpected_cost = 0.1\n", "line 3: ", "string"),
        (
            "[[rule]]\nname = \"r\"\n[[rule.allow]]\nmodels = [\"m\"]\nowner = \"a\"\n",
            "line 3: ",
            "missing field `reason`",
        ),
        (
            "[[rule]]\nname = \"r\"\n[[rule.allow]]\nmodels = []\nowner = \"a\"\nreason = \"r\"\nreview = 12:00:00\n",
            "line 7: ",
            "not a date",
        ),
        (
            "[[rule]]\nname = \"r\"\n[rule.graduate]\nproduction_principals = [\n\"a\",\n\" \"]\n",
            "line 6: graduate.production_principals: ",
            "must not be empty",
        ),
        (
            "[[rule]]\nname = \"r\"\n[rule.graduate]\nproduction_principals = [\"arn:aws:iam::*:role/prod/*\"]\n",
            "line 4: graduate.production_principals: ",
            "does not report the path",
        ),
        ("[[rule]\n", "line 1: ", ""),
    ];
    for (text, line, what) in cases {
        let error = error(text);
        assert!(error.starts_with(line) && error.contains(what), "{text:?}: {error}");
    }
}

#[test]
fn a_file_is_named_in_its_errors() {
    let missing = Policy::from_path("/nowhere/policy.toml").unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/policy.toml: "), "{missing}");
    let path = std::env::temp_dir().join(format!("outlay-policy-{}.toml", std::process::id()));
    std::fs::write(&path, "\nmode = 1\n").unwrap();
    let bad = Policy::from_path(&path).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    assert!(bad.starts_with(&format!("{}:2: ", path.display())), "{bad}");
}

#[test]
fn each_entry_has_the_files_mode_or_its_own() {
    let text = |mode: &str| {
        let budget = format!("[[budget]]\nname = \"b\"\ncalls = 1\n{mode}\n");
        Policy::from_toml(&format!("mode = \"enforce\"\n{budget}")).unwrap()
    };
    assert_eq!(text("").budgets, [BudgetRule::new("b", Budget::calls(1))]);
    assert_eq!(text("mode = \"observe\"").budgets, [BudgetRule::new("b", Budget::calls(1).observe())]);
    let observed = Policy::from_toml("[runaway]\nsame_call = 3\n").unwrap();
    assert_eq!(observed.runaway, Some(RunawayRule::new().same_call(3)));
    assert_eq!(Policy::from_toml("").unwrap(), Policy::default());
}

#[test]
fn a_review_is_due_on_its_day() {
    let text = "[[rule]]\nname = \"r\"\n[[rule.allow]]\nmodels = [\"m\"]\nowner = \"ana\"\nreason = \"why\"\nreview = 2027-03-01\n";
    let policy = Policy::from_toml(text).unwrap();
    let due = |at: &str| {
        let at = at.parse::<jiff::Timestamp>().unwrap();
        policy.reviews_due(at.into()).next().map(|review| review.owner.clone())
    };
    assert_eq!(due("2027-02-28T23:59:59Z"), None);
    assert_eq!(due("2027-03-01T00:00:00Z").as_deref(), Some("ana"));
    assert_eq!(policy.rules, [PolicyRule::new("r").allow_model("m")]);
}

#[test]
fn a_file_without_entries_needs_an_explicit_mode() {
    let path = std::env::temp_dir().join(format!("outlay-blank-policy-{}.toml", std::process::id()));
    for text in ["", " \n", "# nothing yet\n"] {
        std::fs::write(&path, text).unwrap();
        let error = Policy::from_path(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: the policy has no entries", path.display())), "{error}");
    }
    std::fs::write(&path, "mode = \"observe\"\n").unwrap();
    assert_eq!(Policy::from_path(&path).unwrap().counts().budgets, 0);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_duplicate_budget_is_an_error() {
    let budget = |more: &str| format!("[[budget]]\nname = \"b\"\ncalls = 1\n{more}\n");
    let twice = |more: &str| Policy::from_toml(&(budget("") + &budget(more)));
    let error = twice("per = [\"team\"]").unwrap_err().to_string();
    assert_eq!(error, "line 5: budget `b`: another budget has the same name, unit, period and tasks");
    for other in ["every = \"day\"", "only = { team = \"a\" }", "each_call = true"] {
        assert_eq!(twice(other).unwrap().budgets.len(), 2, "{other}");
    }
    assert!(Policy::from_toml(&budget("").replace("calls", "tokens").repeat(2)).is_err());
}

#[test]
fn a_budget_has_an_owner_and_a_place_to_notify_of_at_most_64_characters() {
    let budget = |notify: &str| {
        let text = format!("[[budget]]\nname = \"b\"\ncalls = 1\nowner = \" ana \"\nnotify = \"{notify}\"\n");
        Policy::from_toml(&text).map(|policy| policy.budgets)
    };
    let longest = "ü".repeat(64);
    let rule = BudgetRule::new("b", Budget::calls(1).observe()).owner("ana").notify(&longest);
    assert_eq!(budget(&longest), Ok(vec![rule.clone()]));
    assert_eq!(rule.notify(&"ü".repeat(65)), budget(&longest).unwrap()[0], "in code, a longer one is cut");
    let error = budget(&"ü".repeat(65)).unwrap_err().to_string();
    assert!(error.starts_with("line 5: notify: `") && error.ends_with("is longer than 64 characters"), "{error}");
}
