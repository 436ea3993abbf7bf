@0xb6f1d3a90c57e842;
# What a client and a scheduler say to each other, one Message per transport message.
#
# This file imports nothing: pycapnp ends the whole process when an import cannot be found.
# Ordinals and types are those that an OpenGRIS Scaler 2.9.0 cluster understands. A member that
# only schedulers, workers and monitors use keeps its ordinal here as `Unused`, so that ours stay
# in place; the codec refuses it by name.

struct Message {
  union {
    task @0 :Task;
    taskCancel @1 :TaskCancel;
    taskCancelConfirm @2 :TaskCancelConfirm;
    taskResult @3 :TaskResult;
    taskLog @4 :TaskLog;
    graphTask @5 :GraphTask;
    objectInstruction @6 :ObjectInstruction;
    clientHeartbeat @7 :ClientHeartbeat;
    clientHeartbeatEcho @8 :ClientHeartbeatEcho;
    workerHeartbeat @9 :Unused;
    workerHeartbeatEcho @10 :Unused;
    stateClient @11 :Unused;
    stateObject @12 :Unused;
    stateBalanceAdvice @13 :Unused;
    stateScheduler @14 :Unused;
    stateWorker @15 :Unused;
    stateTask @16 :Unused;
    stateGraphTask @17 :Unused;
    clientDisconnect @18 :ClientDisconnect;
    clientShutdownResponse @19 :ClientShutdownResponse;
    processorInitialized @20 :Unused;
    informationRequest @21 :Unused;
    informationResponse @22 :Unused;
    workerManagerHeartbeat @23 :Unused;
    workerManagerHeartbeatEcho @24 :Unused;
    workerManagerCommand @25 :Unused;
    workerDisconnectNotification @26 :Unused;
  }
}

struct Unused {}

# -- tasks

struct Task {
  taskId @0 :Data;          # 16 bytes
  source @1 :Data;          # identity of the client that gets the answer
  metadata @2 :Data;        # task flags, 6 bytes
  funcObjectId @3 :Data;    # 32 bytes
  functionArgs @4 :List(Argument);
  capabilities @5 :List(TaskCapability);
}

struct Argument {
  type @0 :Type;
  data @1 :Data;            # a task id inside a graph, else an object id

  enum Type {
    task @0;
    objectID @1;
  }
}

struct TaskCapability {
  name @0 :Text;
  value @1 :Int64;          # -1: any quantity
}

struct TaskCancel {
  taskId @0 :Data;
  flags @1 :Flags;

  struct Flags {
    force @0 :Bool;
  }
}

struct TaskCancelConfirm {
  taskId @0 :Data;
  cancelConfirmType @1 :Type;

  enum Type {
    canceled @0;
    cancelFailed @1;
    cancelNotFound @2;
  }
}

struct TaskResult {
  taskId @0 :Data;
  resultType @1 :Type;
  metadata @2 :Data;        # a profile, 16 bytes, or nothing
  results @3 :List(Data);   # one object id, or none
  workerExit @4 :Int32;     # ours: exit code (256 for 0), or minus the signal. Lies in padding, so a
                            # message without it has the bytes that it would have in Scaler.

  enum Type {
    success @0;
    failed @1;
    failedWorkerDied @2;
  }
}

struct TaskLog {
  taskId @0 :Data;
  logType @1 :Stream;
  content @2 :Text;

  enum Stream {
    stdout @0;
    stderr @1;
  }
}

struct GraphTask {
  taskId @0 :Data;          # the umbrella
  source @1 :Data;
  targets @2 :List(Data);
  graph @3 :List(Task);
}

# -- objects

struct ObjectInstruction {
  instructionType @0 :Type;
  objectUser @1 :Data;
  objectMetadata @2 :ObjectMetadata;

  enum Type {
    create @0;
    delete @1;
    clear @2;
  }
}

struct ObjectMetadata {
  objectIds @0 :List(Data);
  objectTypes @1 :List(Type);
  objectNames @2 :List(Data);
  objectSizes @3 :List(UInt64);

  enum Type {
    serializer @0;
    object @1;
  }
}

# -- the session

struct ClientHeartbeat {
  resource @0 :Resource;
  latencyMicroseconds @1 :UInt32;
  hostname @2 :Text;
}

struct Resource {
  cpu @0 :UInt16;           # tenths of a percent
  rss @1 :UInt64;           # bytes
}

struct ClientHeartbeatEcho {
  objectStorageAddress @0 :StorageAddress;
}

struct StorageAddress {
  host @0 :Text;            # with scheme ipc: the path of a unix socket
  port @1 :UInt16;
  scheme @2 :Text;
}

struct ClientDisconnect {
  disconnectType @0 :Type;

  enum Type {
    disconnect @0;
    shutdown @1;
  }
}

struct ClientShutdownResponse {
  accepted @0 :Bool;
}
