//! MediaConnect's operations on routers: name, path, status, and what each does to which kind of resource.

use serde::{Deserialize, Serialize};

/// What a router is made of
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResourceKind {
    /// Carries what one input brings to one destination
    Output,
    /// Brings content in
    Input,
    /// What standard inputs and outputs reach the world by
    NetworkInterface,
}

impl ResourceKind {
    /// Every kind, in the order in which one needs the other
    pub const ALL: [Self; 3] = [Self::NetworkInterface, Self::Input, Self::Output];

    /// The member that holds one resource, and the kind's name in ARNs: `routerOutput`
    pub const fn key(self) -> &'static str {
        match self {
            Self::Output => "routerOutput",
            Self::Input => "routerInput",
            Self::NetworkInterface => "routerNetworkInterface",
        }
    }

    /// The member that holds a list of them
    pub(in crate::emulator) const fn list_key(self) -> &'static str {
        match self {
            Self::Output => "routerOutputs",
            Self::Input => "routerInputs",
            Self::NetworkInterface => "routerNetworkInterfaces",
        }
    }

    /// The kind in a sentence
    pub(in crate::emulator) const fn words(self) -> &'static str {
        match self {
            Self::Output => "router output",
            Self::Input => "router input",
            Self::NetworkInterface => "router network interface",
        }
    }

    /// Where the document says of which type its configuration is
    pub(super) const fn type_key(self) -> &'static str {
        match self {
            Self::Output => "outputType",
            Self::Input => "inputType",
            Self::NetworkInterface => "networkInterfaceType",
        }
    }
}

/// What an operation does
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Makes a resource
    Create(ResourceKind),
    /// Shows one
    Get(ResourceKind),
    /// Shows up to twenty
    BatchGet(ResourceKind),
    /// Shows a page of them, in short
    List(ResourceKind),
    /// Changes one
    Update(ResourceKind),
    /// Puts one on air
    Start(ResourceKind),
    /// Takes one off air
    Stop(ResourceKind),
    /// Begins anew
    Restart(ResourceKind),
    /// Routes an input to an output
    Take,
    /// Removes one
    Delete(ResourceKind),
    /// Adds tags
    Tag(Scope),
    /// Removes tags
    Untag(Scope),
    /// Shows tags
    ListTags(Scope),
}

/// Which calls tag a resource: routers are global, the rest of MediaConnect is not
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `/tags/global/`
    Global,
    /// `/tags/`
    Regional,
}

/// One operation a line: name, what it does, method, path, status of success (botocore service model)
macro_rules! operations {
    ($($name:ident $verb:expr, $method:literal $path:literal $status:literal;)+) => {
        /// The operations of MediaConnect that the emulator serves, by MediaConnect's names
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(
            missing_docs,
            reason = "the names are MediaConnect's own; the API reference documents them"
        )]
        pub enum Operation {
            $($name,)+
        }

        impl Operation {
            /// Every operation
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// MediaConnect's name of the operation
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it does
            pub const fn verb(self) -> Verb {
                match self { $(Self::$name => $verb,)+ }
            }

            /// The HTTP status of success
            pub const fn success(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            const fn address(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($method, $path),)+ }
            }
        }
    };
}

use ResourceKind::{Input, NetworkInterface, Output};
use Scope::{Global, Regional};

operations! {
    CreateRouterOutput Verb::Create(Output), "POST" "v1/routerOutput" 201;
    GetRouterOutput Verb::Get(Output), "GET" "v1/routerOutput/{arn}" 200;
    BatchGetRouterOutput Verb::BatchGet(Output), "GET" "v1/routerOutputs" 200;
    ListRouterOutputs Verb::List(Output), "POST" "v1/routerOutputs" 200;
    UpdateRouterOutput Verb::Update(Output), "PUT" "v1/routerOutput/{arn}" 202;
    StartRouterOutput Verb::Start(Output), "POST" "v1/routerOutput/start/{arn}" 202;
    StopRouterOutput Verb::Stop(Output), "POST" "v1/routerOutput/stop/{arn}" 202;
    RestartRouterOutput Verb::Restart(Output), "POST" "v1/routerOutput/restart/{arn}" 202;
    TakeRouterInput Verb::Take, "PUT" "v1/routerOutput/takeRouterInput/{arn}" 202;
    DeleteRouterOutput Verb::Delete(Output), "DELETE" "v1/routerOutput/{arn}" 200;
    CreateRouterInput Verb::Create(Input), "POST" "v1/routerInput" 201;
    GetRouterInput Verb::Get(Input), "GET" "v1/routerInput/{arn}" 200;
    BatchGetRouterInput Verb::BatchGet(Input), "GET" "v1/routerInputs" 200;
    ListRouterInputs Verb::List(Input), "POST" "v1/routerInputs" 200;
    UpdateRouterInput Verb::Update(Input), "PUT" "v1/routerInput/{arn}" 202;
    StartRouterInput Verb::Start(Input), "POST" "v1/routerInput/start/{arn}" 202;
    StopRouterInput Verb::Stop(Input), "POST" "v1/routerInput/stop/{arn}" 202;
    RestartRouterInput Verb::Restart(Input), "POST" "v1/routerInput/restart/{arn}" 202;
    DeleteRouterInput Verb::Delete(Input), "DELETE" "v1/routerInput/{arn}" 200;
    CreateRouterNetworkInterface Verb::Create(NetworkInterface), "POST" "v1/routerNetworkInterface" 201;
    GetRouterNetworkInterface Verb::Get(NetworkInterface), "GET" "v1/routerNetworkInterface/{arn}" 200;
    BatchGetRouterNetworkInterface Verb::BatchGet(NetworkInterface), "GET" "v1/routerNetworkInterfaces" 200;
    ListRouterNetworkInterfaces Verb::List(NetworkInterface), "POST" "v1/routerNetworkInterfaces" 200;
    UpdateRouterNetworkInterface Verb::Update(NetworkInterface), "PUT" "v1/routerNetworkInterface/{arn}" 202;
    DeleteRouterNetworkInterface Verb::Delete(NetworkInterface), "DELETE" "v1/routerNetworkInterface/{arn}" 200;
    TagGlobalResource Verb::Tag(Global), "POST" "tags/global/{arn}" 204;
    UntagGlobalResource Verb::Untag(Global), "DELETE" "tags/global/{arn}" 204;
    ListTagsForGlobalResource Verb::ListTags(Global), "GET" "tags/global/{arn}" 200;
    TagResource Verb::Tag(Regional), "POST" "tags/{arn}" 204;
    UntagResource Verb::Untag(Regional), "DELETE" "tags/{arn}" 204;
    ListTagsForResource Verb::ListTags(Regional), "GET" "tags/{arn}" 200;
}

impl Operation {
    /// The operation at a path, given in decoded segments, and the ARN that the path names
    pub(in crate::emulator) fn find<'a>(method: &str, segments: &[&'a str]) -> Option<(Self, &'a str)> {
        Self::ALL.iter().find_map(|operation| {
            let (of, path) = operation.address();
            let arn = (of == method).then(|| arn_in(path, segments))??;
            Some((*operation, arn))
        })
    }

    /// True if the operation only reads
    pub const fn is_read(self) -> bool {
        matches!(
            self.verb(),
            Verb::Get(_) | Verb::BatchGet(_) | Verb::List(_) | Verb::ListTags(_)
        )
    }

    /// True if the operation's path names a resource
    pub const fn is_of_resource(self) -> bool {
        !matches!(self.verb(), Verb::Create(_) | Verb::BatchGet(_) | Verb::List(_))
    }
}

/// The ARN in `segments` if they are those of `path`; empty where the path has none
fn arn_in<'a>(path: &str, segments: &[&'a str]) -> Option<&'a str> {
    let wanted: Vec<&str> = path.split('/').collect();
    if wanted.len() != segments.len() {
        return None;
    }
    let mut arn = "";
    for (wanted, segment) in wanted.iter().zip(segments) {
        match *wanted {
            "{arn}" if !segment.is_empty() => arn = segment,
            fixed if fixed == *segment => {}
            _ => return None,
        }
    }
    Some(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_at_its_own_path_and_no_other() {
        for operation in Operation::ALL {
            let (method, path) = operation.address();
            let segments: Vec<&str> = path
                .split('/')
                .map(|segment| if segment == "{arn}" { "arn:x" } else { segment })
                .collect();
            let arn = if operation.is_of_resource() { "arn:x" } else { "" };
            assert_eq!(Operation::find(method, &segments), Some((*operation, arn)));
        }
    }

    #[test]
    fn a_path_without_its_arn_is_none() {
        for segments in [
            &["v1", "routerOutput", ""][..],
            &["v1", "routerOutput", "start"],
            &["v2", "routerOutput"],
        ] {
            assert_eq!(Operation::find("POST", segments), None, "{segments:?}");
        }
    }
}
