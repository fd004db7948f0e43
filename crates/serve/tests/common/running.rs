//! A server on loopback, and what is said to it.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    num::NonZero,
    time::Duration,
};

use tokio::sync::mpsc;
use zonekit_serve::{Notification, Options, Responder, Server, Stopper};

use super::Ask;

/// How long what must come may take.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A server in a runtime of its own, ended with the value.
pub struct Running {
    pub address: SocketAddr,
    stopper: Stopper,
    pub notifications: mpsc::Receiver<Notification>,
    runtime: Option<tokio::runtime::Runtime>,
    serving: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl Running {
    pub fn start(responder: Responder, options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let server = Server::bind(&["127.0.0.1:0".parse().unwrap()], responder, options).unwrap();
        let (address, stopper) = (server.local_addresses()[0], server.stopper());
        let (sender, notifications) = mpsc::channel(10);
        let serving = Some(runtime.spawn(server.serve(sender)));
        Self {
            address,
            stopper,
            notifications,
            runtime: Some(runtime),
            serving,
        }
    }

    pub fn stop(&mut self) {
        self.stopper.stop();
        if let (Some(serving), Some(runtime)) = (self.serving.take(), &self.runtime) {
            runtime.block_on(serving).unwrap().unwrap();
        }
    }

    pub fn datagram(&self, octets: &[u8]) -> Vec<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.address).unwrap(); // answers from elsewhere would not arrive
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket.send(octets).unwrap();
        let mut buffer = vec![0; 65_535];
        let len = socket.recv(&mut buffer).unwrap();
        buffer.truncate(len);
        buffer
    }

    /// Tries new connections until one is answered on.
    pub fn admits_again(&self) -> bool {
        let request = frame(&Ask::new("ns.example. A").octets);
        (0..2000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            let mut stream = self.connection();
            _ = stream.write_all(&request);
            matches!(stream.read(&mut [0; 10]), Ok(1..))
        })
    }

    pub fn connection(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Nobody is let go because the machine is busy: a test that is about such a limit sets it.
pub fn options() -> Options {
    Options {
        workers: NonZero::new(2).unwrap(),
        idle_timeout: Duration::from_secs(3600),
        write_timeout: Duration::from_secs(3600),
        ..Options::default()
    }
}

/// Whether the server ends a connection on which it has nothing left to say. That it is silent is no end.
pub fn is_ended(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 10]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

pub fn frame(octets: &[u8]) -> Vec<u8> {
    [
        &u16::try_from(octets.len()).unwrap().to_be_bytes()[..],
        octets,
    ]
    .concat()
}

pub fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut octets = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut octets).unwrap();
    octets
}
