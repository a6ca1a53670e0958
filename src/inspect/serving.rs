//! Which endpoints does the Executor serve in the end? Its own, those of its bases that it does not define anew, and those
//! to which `requests:` in `config.yml` binds its methods.

use std::collections::HashSet;

use super::{config_yml::Binding, python::Class, refusal::quoted};
use crate::domain::package::{Endpoint, Function};

/// Endpoints of a class, which stands first, followed by its bases, the nearest first.
pub(super) fn inherited(line: &[&Class]) -> Vec<Endpoint> {
    let mut defined: HashSet<&str> = HashSet::new();
    let mut served = Vec::new();
    for class in line {
        let own = &class.executor.endpoints;
        served.extend(own.iter().filter(|each| !defined.contains(each.function.name.as_str())).cloned());
        defined.extend(own.iter().map(|each| each.function.name.as_str()));
        defined.extend(class.methods.iter().map(|method| method.name.as_str()));
    }
    served
}

/// Rebinds methods as jina does when it loads `config.yml`: a method that is named there loses the path that its decorator
/// gave it last, and a path that is named there is taken from whoever had it. Gives a sentence for each method that
/// there is not.
pub(super) fn bind(served: &mut Vec<Endpoint>, line: &[&Class], bindings: &[Binding]) -> Vec<String> {
    let mut freed: HashSet<&str> = HashSet::new();
    let mut notices = Vec::new();
    for Binding { path, function, line: place } in bindings {
        let Some(method) = method(served, line, function) else {
            notices.push(format!(
                "config.yml, line {place}: 'requests' binds {} to {}, which the class does not define.",
                quoted(path),
                quoted(function)
            ));
            continue;
        };
        if freed.insert(function)
            && let Some(last) = served.iter_mut().rfind(|each| each.function.name == *function)
        {
            last.on.get_or_insert_default().pop();
        }
        for other in &mut *served {
            if let Some(paths) = &mut other.on {
                paths.retain(|taken| taken != path);
            }
        }
        let place = served.iter_mut().rfind(|each| each.function.name == *function && each.on.is_some());
        match place.and_then(|each| each.on.as_mut()) {
            Some(paths) => paths.push(path.clone()),
            None => served.push(Endpoint { function: method, on: Some(vec![path.clone()]) }),
        }
    }
    served.retain(|each| each.on.as_ref().is_none_or(|paths| !paths.is_empty()));
    notices
}

fn method(served: &[Endpoint], line: &[&Class], name: &str) -> Option<Function> {
    let bound = served.iter().map(|each| &each.function);
    bound.chain(line.iter().flat_map(|class| &class.methods)).find(|each| each.name == name).cloned()
}
