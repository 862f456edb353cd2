//! What is wrong with one object, collected while it is looked at from several sides.

use super::document::Document;
use super::node::{FieldPath, Segment};
use super::problem::{Location, ObjectId, Problem, Severity};
use super::yaml::Spot;

/// Problems reported about one document at most.
const PROBLEM_LIMIT: usize = 50;

/// Collects the problems of one object.
#[derive(Clone)]
pub struct Report {
    document: Document,
    object: Option<ObjectId>,
    /// Fields whose value is a mistake that is reported already.
    holes: Vec<FieldPath>,
    problems: Vec<Problem>,
    rejected: bool,
}

impl Report {
    /// A report on the object in `document`.
    pub fn new(document: Document, object: Option<ObjectId>) -> Self {
        Self {
            document,
            object,
            holes: Vec::new(),
            problems: Vec::new(),
            rejected: false,
        }
    }

    /// The document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Kind and name of the object, as far as they could be read.
    pub fn object(&self) -> Option<&ObjectId> {
        self.object.as_ref()
    }

    /// What the field `path` is called where its author wrote it: its own name in a file, an attribute in a table.
    pub fn called(&self, path: &str) -> String {
        let path = FieldPath::from(path);
        match (self.document.item(), path.0.last()) {
            (None, Some(Segment::Field(name))) => name.clone(),
            _ => self.document.field(&path),
        }
    }

    /// Whether the object has to be set aside.
    pub fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// The first problem by its place that sets the object aside or fails `validate`.
    pub fn first_error(&self) -> Option<&Problem> {
        let problems = self.problems.iter();
        let errors = problems.filter(|problem| problem.severity == Severity::Error);
        errors.min_by_key(|problem| (problem.location.line, problem.location.column))
    }

    /// Names the object `name`, also in the problems reported before.
    pub fn rename(&mut self, name: &str) {
        let reported = self
            .problems
            .iter_mut()
            .filter_map(|problem| problem.object.as_mut());
        for object in reported.chain(&mut self.object) {
            name.clone_into(&mut object.name);
        }
    }

    /// Everything found.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// `path` is wrong, so the object cannot be used.
    pub fn reject(&mut self, path: &FieldPath, message: impl Into<String>, fix: impl Into<String>) {
        self.rejected = true;
        self.push(Severity::Error, path, Spot::Value, message.into(), fix.into());
    }

    /// As [`Report::reject`], with the place of the field's name.
    pub fn reject_key(&mut self, path: &FieldPath, spot: Spot, message: String, fix: String) {
        self.rejected = true;
        self.push(Severity::Error, path, spot, message, fix);
    }

    /// The name of the field `path` is a mistake, and may be a stream key: it is not shown.
    pub fn reject_hidden_key(&mut self, path: &FieldPath, message: String, fix: String) {
        self.rejected = true;
        let hidden = path.parent().unwrap_or_default().field("…");
        let locate = |document: &Document| document.locate(path, Spot::Key);
        self.push_at(locate, Severity::Error, &hidden, message, fix);
    }

    /// `path` is missing, which is reported at the name of the mapping that should have it.
    pub fn reject_missing(&mut self, path: &FieldPath, message: impl Into<String>, fix: impl Into<String>) {
        self.rejected = true;
        let above = path.parent().unwrap_or_default();
        let locate = |document: &Document| match above.0.last() {
            Some(Segment::Field(_)) => document.locate(&above, Spot::Key),
            Some(Segment::Index(_)) => document.locate(&above, Spot::Value),
            None => document.start(),
        };
        self.push_at(locate, Severity::Error, path, message.into(), fix.into());
    }

    /// `path` is wrong, and the object can be used all the same.
    pub fn error(&mut self, path: &FieldPath, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Error, path, Spot::Value, message.into(), fix.into());
    }

    /// `path` works, and there is a better way.
    pub fn warn(&mut self, path: &FieldPath, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Warning, path, Spot::Value, message.into(), fix.into());
    }

    /// The value at `path` is a stand-in: nothing more is reported about it.
    pub fn add_hole(&mut self, path: FieldPath) {
        self.holes.push(path);
    }

    /// Whether the value at `path` is a stand-in for a mistake that is reported already.
    pub fn is_hole(&self, path: &FieldPath) -> bool {
        self.holes.iter().any(|hole| path.is_within(hole))
    }

    fn push(&mut self, severity: Severity, path: &FieldPath, spot: Spot, message: String, fix: String) {
        self.push_at(
            |document| document.locate(path, spot),
            severity,
            path,
            message,
            fix,
        );
    }

    /// `locate` reads the document again, so it is called only for what is reported.
    fn push_at(
        &mut self,
        locate: impl FnOnce(&Document) -> Location,
        severity: Severity,
        path: &FieldPath,
        message: String,
        fix: String,
    ) {
        if self.is_hole(path) || self.problems.len() >= PROBLEM_LIMIT {
            return;
        }
        self.problems.push(Problem {
            location: locate(&self.document),
            severity,
            object: self.object.clone(),
            field: self.document.field(path),
            message,
            fix,
        });
    }
}
