//! Every limit (I9), with its unit in its name and the relations between limits asserted at compile time.

/// Largest record the log accepts, in bytes of JSON. Kafka's default `message.max.bytes` is 1,048,588.
pub const RECORD_BYTES_MAX: usize = 1_000_000;
/// Longest id of a thing in its source, in bytes. Log keys hold it and PostgreSQL indexes it.
pub const ID_BYTES_MAX: usize = 255;
/// Longest name of a source, in bytes.
pub const SOURCE_BYTES_MAX: usize = 64;
/// Longest question in plain language, in bytes.
pub const QUESTION_BYTES_MAX: usize = 1_000;
/// Most lines one order may have.
pub const ORDER_LINES_MAX: usize = 10_000;
/// Most of a quarantined message that is kept beside its reason, in bytes.
pub const QUARANTINE_RAW_BYTES_MAX: usize = 65_536;
/// Most characters of a quarantine reason.
pub const QUARANTINE_REASON_CHARS_MAX: usize = 300;
/// Most messages one `LogBatch` holds. Ticks grow to this under load.
pub const LOG_BATCH_MESSAGES_MAX: usize = 20_000;
/// Most bytes of messages one `LogBatch` holds.
pub const LOG_BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most tenants whose local midnight one tick passes; the rest follow in the next ticks.
pub const MIDNIGHTS_PER_TICK_MAX: usize = 64;
/// Most messages one publish call hands to the log.
pub const PUBLISH_MESSAGES_MAX: usize = 20_000;
/// Most bytes of keys and values one publish call hands to the log.
pub const PUBLISH_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest key of a message, in bytes. A record's key has at most some 400.
pub const LOG_KEY_BYTES_MAX: usize = 4_096;
/// Most bytes of messages that wait for the embedded log's writer; then publishers wait.
pub const LOG_QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most publish calls that wait for the embedded log's writer; then publishers wait.
pub const LOG_QUEUE_REQUESTS_MAX: usize = 1_024;
/// Bytes of messages after which the embedded log's writer stops gathering and syncs.
pub const LOG_GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most keys that topic compaction holds in memory at once; more take more passes. 32 bytes each.
pub const COMPACTION_KEYS_MAX: usize = 2_000_000;
/// Most readers of one topic that are kept connected to Kafka between fetches.
pub const KAFKA_READERS_MAX: usize = 2;
/// Most bytes one reader of Kafka fetches ahead, in the client's queue and again in ours.
pub const KAFKA_PREFETCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often a publish is tried, each time with a new producer, while its outcome is unknown.
pub const KAFKA_PUBLISH_TRIES_MAX: u32 = 2;
/// Fewest and most partitions a log may have.
pub const PARTITIONS_MIN: u16 = 1;
/// Most partitions a log may have.
pub const PARTITIONS_MAX: u16 = 1_024;
/// Largest body an HTTP request may have, in bytes.
pub const HTTP_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most tags a customer may have.
pub const TAGS_MAX: usize = 1_000;
/// Most records of the log's end that the lake keeps in memory; then they are flushed. Five ticks.
pub const LAKE_TAIL_ROWS_MAX: usize = 100_000;
/// Most bytes of them.
pub const LAKE_TAIL_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most rows of one file: some 50 MB, which a reader's partition takes in a second.
pub const LAKE_FILE_ROWS_MAX: usize = 1_000_000;
/// Most rows of one row group: a writer holds one in memory, a reader skips one at a time.
pub const LAKE_ROW_GROUP_ROWS_MAX: usize = 131_072;
/// Most fresh files of one table before they are merged.
pub const LAKE_FRESH_FILES_MAX: usize = 8;
/// Most rows of fresh files of one table before they are merged into the base. Their keys are in doubt, and a
/// reader holds those of its tenant in memory: some hundred bytes each.
pub const LAKE_FRESH_ROWS_MAX: u64 = 1_000_000;
/// Most sets of such keys that are kept between two reads.
pub const LAKE_WINNERS_KEPT_MAX: usize = 256;
/// Most keys in all of these sets together, some hundred bytes each.
pub const LAKE_WINNERS_KEYS_KEPT_MAX: usize = 4_000_000;
/// Most bytes of the tail's rows that are kept as columns between two reads.
pub const LAKE_TAILS_KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most tenants whose zone is kept between two reads.
pub const LAKE_ZONES_KEPT_MAX: usize = 10_000;
/// Most records beyond a lake's files that a process without its keeper reads into memory.
pub const LAKE_BEHIND_ROWS_MAX: usize = LAKE_TAIL_ROWS_MAX;
/// Most rows of a stored vital that are in memory at a time while they are read.
pub const VITAL_PAGE_ROWS_MAX: usize = 4_096;
/// Most values that the store is asked to look for in one column at a time; more are looked for here.
pub const VITAL_FILTER_VALUES_MAX: usize = 1_000;
/// Longest text of a query, in bytes.
pub const QUERY_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Most words and signs of a query: a list of some hundred ids, and no chain of thousands.
pub const QUERY_TOKENS_MAX: usize = 2_000;
/// Most operators of a query. The planner's stack grows with each of a flat chain.
pub const QUERY_OPERATORS_MAX: usize = 200;
/// Most UNIONs, INTERSECTs and EXCEPTs of a query.
pub const QUERY_SET_OPERATIONS_MAX: usize = 32;
/// Deepest nesting of parentheses in a query.
pub const QUERY_NESTING_MAX: usize = 32;
/// Deepest nesting of words with parentheses behind them. The parser tries the arguments of a call in two
/// ways, so that each level doubles its time.
pub const QUERY_CALL_NESTING_MAX: usize = 10;
/// Most named subqueries (WITH) of a query.
pub const QUERY_CTES_MAX: usize = 16;
/// Most copies that named subqueries, used several times each, may unfold to.
pub const QUERY_CTE_COPIES_MAX: usize = 64;
/// Most joins of a query.
pub const QUERY_JOINS_MAX: usize = 8;
/// Longest regular expression of a query, in bytes.
pub const QUERY_PATTERN_BYTES_MAX: usize = 200;
/// Most rows of an input that may be joined with another without an equality.
pub const QUERY_CROSS_ROWS_MAX: usize = 1_000;
/// Most rows of an answer; more are cut off, and the answer says so.
pub const QUERY_ROWS_MAX: usize = 10_000;
/// Most bytes of an answer in memory; beyond, it is refused.
pub const QUERY_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most memory that sorts, joins and groups of one query hold, in bytes.
pub const QUERY_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Longest time a query may take, in milliseconds.
pub const QUERY_TIME_MS_MAX: u64 = 10_000;
/// Most businesses whose words are kept between two questions in plain language.
pub const ASK_BUSINESSES_MAX: usize = 256;
/// Most names of one business that a question may use; of more, customers are left out.
pub const ASK_NAMES_MAX: usize = 9_000;
/// Longest prompt for a language model, in bytes: its tables are cut, never its rules.
pub const LLM_PROMPT_BYTES_MAX: usize = 64 * 1024;
/// Longest answer of a language model's server, in bytes.
pub const LLM_ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longest time for all calls that one question makes of a language model, in milliseconds.
pub const LLM_TIME_MS_MAX: u64 = 15_000;
/// Most words (as the model counts them) of one answer.
pub const LLM_ANSWER_TOKENS_MAX: u32 = 1_500;
/// Most questions a minute that one tenant puts to a language model.
pub const LLM_QUESTIONS_PER_MINUTE_MAX: u32 = 20;
/// Most tenants whose use of a language model is counted, and most answers of it that are kept.
pub const LLM_KEPT_MAX: usize = 10_000;
/// Most saved queries of a tenant.
pub const SAVED_QUERIES_MAX: i64 = 1_000;
/// Most schedules of a tenant.
pub const SCHEDULES_MAX: i64 = 100;
/// Most parameters of a report or saved query.
pub const REPORT_PARAMS_MAX: usize = 20;
/// Longest value of one, in bytes.
pub const REPORT_VALUE_BYTES_MAX: usize = 200;
/// Most files that one schedule keeps.
pub const REPORT_FILES_MAX: u16 = 1_000;
/// Most tries of a scheduled run that fails.
pub const REPORT_TRIES_MAX: u16 = 5;
/// Most rows of an export, which is a query whose caller asked for more than a person reads.
pub const QUERY_EXPORT_ROWS_MAX: usize = 1_000_000;
/// Most bytes of an export.
pub const QUERY_EXPORT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most parameters of a query.
pub const QUERY_PARAMS_MAX: usize = 100;
/// Most bytes of their values.
pub const QUERY_PARAMS_BYTES_MAX: usize = 64 * 1024;
/// Longest time that a worker waits in all for its rows to be taken, in milliseconds. An answer of ordinary
/// size is taken at once: the service holds it for its reader.
pub const QUERY_STALL_MS_MAX: u64 = 10_000;
/// Most worker processes.
pub const WORKERS_MAX: usize = 16;
/// Most questions that wait for a worker.
pub const WORKERS_WAITING_MAX: usize = 32;
/// Most questions of one tenant that wait: it cannot fill the queue.
pub const WORKERS_WAITING_TENANT_MAX: usize = 8;
/// Longest time a question waits for a worker, in milliseconds.
pub const WORKERS_WAIT_MS_MAX: u64 = 2_000;
/// Most address space of a worker: its query's memory, what the planner and Arrow hold beside it, the
/// program itself, and stacks.
pub const WORKER_ADDRESS_BYTES_MAX: u64 = 3 * 512 * 1024 * 1024;
/// Most files a worker has open.
pub const WORKER_FILES_MAX: u64 = 256;
/// Largest frame between service and worker.
pub const WORKER_FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most bytes of rows that are put into one frame, unless a single row has more.
pub const WORKER_BATCH_BYTES_MAX: usize = 1024 * 1024;
/// Most reads of tables that one question has under way.
pub const WORKER_SCANS_MAX: usize = 256;
/// Most texts remembered for having ended a worker.
pub const WORKER_CRASHED_TEXTS_MAX: usize = 1_024;

// The doors: HTTP, the PostgreSQL protocol, Flight SQL.

/// Most connections of one door at a time.
pub const CONNECTIONS_MAX: usize = 256;
/// Most connections of one tenant at one door: the others keep room.
pub const CONNECTIONS_PER_TENANT_MAX: usize = 64;
/// Most rows an answer through a door may have: they are streamed, and none is held longer than it takes to send.
pub const DOOR_ROWS_MAX: usize = 1_000_000;
/// Most bytes of them.
pub const DOOR_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Largest body of a question over HTTP, parameters included, in bytes.
pub const QUESTION_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Most parameters of a question.
pub const QUESTION_PARAMS_MAX: usize = 1_000;
/// Largest message of the PostgreSQL protocol, in bytes: a query and its parameters.
pub const WIRE_MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Most prepared statements of one connection.
pub const WIRE_STATEMENTS_MAX: usize = 256;
/// Most portals and cursors of one connection; one that is half read keeps its query waiting.
pub const WIRE_PORTALS_MAX: usize = 16;
/// Most statements of one simple query.
pub const WIRE_SCRIPT_STATEMENTS_MAX: usize = 64;
/// Longest time until a connection is known and may ask, in seconds.
pub const WIRE_START_S_MAX: u64 = 30;
/// Longest time a connection may ask nothing, or take nothing of what it asked for, in seconds.
pub const WIRE_IDLE_S_MAX: u64 = 1_800;
/// Most statements prepared through Flight SQL at a time.
pub const FLIGHT_STATEMENTS_MAX: usize = 1_024;
/// Most of them of one tenant; one more ends its oldest.
pub const FLIGHT_STATEMENTS_PER_TENANT_MAX: usize = 128;
/// Most failed attempts of one address within a minute; then it waits.
pub const ATTEMPTS_FAILED_MAX: u32 = 10;
/// Most addresses whose failed attempts are remembered.
pub const ATTEMPTS_PEERS_MAX: usize = 10_000;
/// Most questions about the system catalogue that are computed at a time.
pub const SYSTEM_QUERIES_MAX: usize = 4;
/// Most memory of one of them, in bytes.
pub const SYSTEM_MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most joins of one of them: tools write long ones.
pub const SYSTEM_JOINS_MAX: usize = 24;

const _: () = assert!(
    RECORD_BYTES_MAX + LOG_KEY_BYTES_MAX + 512 < 1_048_588,
    "a record, its key and the batch around them must fit Kafka's default message"
);
const _: () = assert!(PUBLISH_BYTES_MAX <= LOG_QUEUE_BYTES_MAX, "one publish must fit the queue");
const _: () = assert!(RECORD_BYTES_MAX < KAFKA_PREFETCH_BYTES_MAX, "a reader must hold one record");
const _: () = assert!(RECORD_BYTES_MAX < LOG_BATCH_BYTES_MAX, "a batch must hold one record");
const _: () = assert!(QUARANTINE_RAW_BYTES_MAX < RECORD_BYTES_MAX);
// The log is followed until the tail is half full, so that one more batch always fits.
const _: () = assert!(LOG_BATCH_MESSAGES_MAX <= LAKE_TAIL_ROWS_MAX / 2);
const _: () = assert!(LOG_BATCH_BYTES_MAX <= LAKE_TAIL_BYTES_MAX / 2);
const _: () = assert!(LAKE_ROW_GROUP_ROWS_MAX < LAKE_FILE_ROWS_MAX);
const _: () = assert!(RECORD_BYTES_MAX < HTTP_BODY_BYTES_MAX, "one record must fit one request");
const _: () = assert!(QUERY_TEXT_BYTES_MAX < HTTP_BODY_BYTES_MAX, "a query must fit one request");
const _: () = assert!(QUERY_ANSWER_BYTES_MAX < QUERY_MEMORY_BYTES_MAX, "an answer must fit memory");
const _: () = assert!(ASK_NAMES_MAX < QUERY_ROWS_MAX, "names must fit one answer");
const _: () = assert!(QUERY_ROWS_MAX <= QUERY_EXPORT_ROWS_MAX);
const _: () = assert!(QUERY_ANSWER_BYTES_MAX <= QUERY_EXPORT_BYTES_MAX);
const _: () = assert!(QUERY_PARAMS_BYTES_MAX < WORKER_FRAME_BYTES_MAX);
const _: () = assert!(RECORD_BYTES_MAX < WORKER_FRAME_BYTES_MAX, "one row must fit one frame");
const _: () = assert!(WORKER_BATCH_BYTES_MAX < WORKER_FRAME_BYTES_MAX);
const _: () = assert!(QUERY_MEMORY_BYTES_MAX as u64 * 4 <= WORKER_ADDRESS_BYTES_MAX);
const _: () = assert!(WORKERS_WAITING_TENANT_MAX < WORKERS_WAITING_MAX);
const _: () =
    assert!(QUERY_TEXT_BYTES_MAX < WIRE_MESSAGE_BYTES_MAX, "a query must fit one message");
const _: () = assert!(QUERY_TEXT_BYTES_MAX < QUESTION_BODY_BYTES_MAX, "a query must fit its body");
const _: () = assert!(CONNECTIONS_PER_TENANT_MAX < CONNECTIONS_MAX, "no tenant takes every place");
