//! How large the tree of an expression may get: the engine goes through it by recursion, so that a long chain of
//! signs would cost the stack.

use super::TemplateError;
use super::lexer::{Kind, Token};

/// How deep brackets may stand in one another.
const DEEPEST: usize = 40;
/// How many operators, filters, calls and fields may be chained.
const LONGEST: usize = 200;
/// How many products: each is a call within the one before it.
const MOST_PRODUCTS: usize = DEEPEST;

/// Whether an expression is one that a person would write.
pub(super) fn check_shape(source: &str, words: &[Token]) -> Result<(), TemplateError> {
    let (mut depth, mut links, mut products) = (0_usize, 0_usize, 0_usize);
    let mut after_operand = false;
    for word in words {
        let text = word.text(source);
        let is_bracket = matches!(text, "(" | "[" | "{") && word.kind == Kind::Mark;
        let (links_one, is_operand) = match (word.kind, text) {
            // Behind an operand it is a call or an item; elsewhere it is one of many beside each other.
            _ if is_bracket => (after_operand, false),
            (Kind::Mark, ")" | "]" | "}") => {
                depth = depth.saturating_sub(1);
                (false, true)
            }
            (Kind::Mark, "," | ":" | "=") => (false, false),
            (Kind::Mark, _) => (true, false),
            (Kind::Name, "and" | "or" | "not" | "in" | "is" | "if" | "else") => (true, false),
            _ => (false, true),
        };
        depth += usize::from(is_bracket);
        links += usize::from(links_one);
        products += usize::from(word.kind == Kind::Mark && text == "*");
        after_operand = is_operand;
        let too_much = if depth > DEEPEST {
            format!("brackets stand more than {DEEPEST} deep in one another here")
        } else if links > LONGEST {
            format!("an expression may have {LONGEST} operators, filters and calls, and this one has more")
        } else if products > MOST_PRODUCTS {
            format!("an expression may have {MOST_PRODUCTS} products, and this one has more")
        } else {
            continue;
        };
        return Err(TemplateError {
            problem: too_much,
            help: Some("make it of several, with `set` or `vars`".into()),
            at: Some(word.range.clone()),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::lexer::tokens;

    #[test]
    fn what_a_person_would_write_is_fine() {
        let fits = |source: &str| check_shape(source, &tokens(source)).is_ok();
        let many: Vec<String> = (0..900).map(|n| format!("[{n}, 'x']")).collect();
        assert!(fits(&format!("random([{}])", many.join(", "))), "a long list is not deep");
        assert!(fits(&"(".repeat(DEEPEST)));
        assert!(!fits(&"(".repeat(DEEPEST + 1)));
        assert!(!fits(&"- ".repeat(LONGEST + 1)));
        assert!(!fits(&format!("a{}", " | f".repeat(LONGEST + 1))));
        assert!(!fits(&format!("a{}", "[1]".repeat(LONGEST + 1))));
        assert!(!fits(&"not ".repeat(LONGEST + 1)));
        assert!(!fits(&format!("1{}", " * 1".repeat(MOST_PRODUCTS + 1))));
    }
}
