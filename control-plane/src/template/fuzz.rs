//! Fuzz target of the template evaluator: any expression yields a value or an error within the budget.

use serde_json::json;

use super::allowance::BUDGET;
use super::tests::{plan, template};

#[test]
fn fuzz_template_expressions() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let mut json = template(&json!([]));
        // Evaluates the expression once on its own and once multiplied by a loop.
        json["variables"] = json!({"v": format!("[{text}]"), "copy": [{"name": "c", "count": 100, "input": format!("[{text}]")}]});
        json["outputs"] = json!({"o": {"type": "array", "value": "[array(variables('v'))]"}});
        if let Ok(plan) = plan(json) {
            let _ = plan.outputs(&super::References::new());
            assert!(plan.allowance.budget() <= BUDGET, "the budget has grown");
        }
    });
}
