//! How does a test hold a real build at a step, and let it go on when it likes? The step connects to the test and waits
//! for a word: no sleeping, no guessing.

use std::time::Duration;

use executor_hub::domain::TaskId;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use super::package::Package;

/// A busy machine may need long to get to the step.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where builds come to a stop.
pub struct Gate {
    listener: TcpListener,
}

/// A build that waits.
pub struct Held(TcpStream);

impl Gate {
    pub async fn new() -> Self {
        // The step comes from the engine's network, where this machine is the gateway.
        Self { listener: TcpListener::bind("0.0.0.0:0").await.unwrap() }
    }

    /// A package whose build waits here.
    pub fn package(&self, package: Package, base: &str) -> Package {
        let port = self.listener.local_addr().unwrap().port();
        // Nothing of an earlier build may fit: a port is used again sooner or later, and a cached step holds nobody.
        let once = TaskId::mint();
        let script = format!(
            "# {once}\nimport socket, struct\n\
             routes = [line.split() for line in open('/proc/net/route')]\n\
             gateway = next(route[2] for route in routes if route[1] == '00000000')\n\
             gateway = socket.inet_ntoa(struct.pack('<L', int(gateway, 16)))\n\
             connection = socket.create_connection((gateway, {port}), 60)\n\
             connection.settimeout(180)\n\
             print('waits at the gate')\n\
             assert connection.recv(1), 'nobody let this build through'\n\
             print('went through the gate')\n"
        );
        let dockerfile = format!(
            "FROM {base}\nCOPY gate.py /\nRUN python3 -u /gate.py\nCOPY . /workspace\nWORKDIR /workspace\n"
        );
        package.with("gate.py", &script).with("Dockerfile", &dockerfile)
    }

    /// The next build that comes to the gate.
    pub async fn held(&self) -> Held {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        Held(accepted.expect("a build comes to the gate").unwrap().0)
    }

    /// From now on lets every build through.
    pub async fn stand_open(self) {
        while let Ok((connection, _)) = self.listener.accept().await {
            Held(connection).let_through().await;
        }
    }
}

impl Held {
    /// Lets it go on, if it is still there.
    pub async fn let_through(mut self) {
        let _ = self.0.write_all(b"!").await;
    }
}
