//! What a name server says: answers, outgoing transfers, incoming NOTIFY, and sockets over them
