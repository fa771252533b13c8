package postgres

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
)

// What the URL has beside the parameters of libpq that the driver knows is sent to the server when
// a connection starts, as settings of the server. A pooler or a server that does not know one
// refuses the connection, so that what is meant for other clients is taken out, and what nobody
// knows is told before.

// foreign are the parameters of other clients, by their names in lower case without underscores.
// They say how those clients go about their work, and nothing of the database.
var foreign = strings.Fields(`
	pgbouncer connectionlimit pooltimeout sockettimeout sslaccept statementcachesize statementcachemode
	preparedstatements preparedstatementcachesize preparedstatementcachequeries preparedstatementcachesizemib
	preparethreshold binarytransfer autosave applicationname cleanupsavepoints reversebatchedinserts
	rewritebatchedinserts defaultrowfetchsize logintimeout loglevel loggerlevel loggerfile assumeminserverversion
	targetservertype loadbalancehosts hostrecheckseconds stringtype unknownlength disablecolumnsanitiser
	preferquerymode escapesyntaxcallmode allowencodingchanges readonly readonlymode maxresultbuffer adaptivefetch
	adaptivefetchminimum adaptivefetchmaximum tcpkeepalive tcpnodelay sendbuffersize receivebuffersize gssencmode
	gsslib gssresponsetimeout gssdelegation sslcompression sslminprotocolversion sslmaxprotocolversion keepalives
	keepalivesidle keepalivesinterval keepalivescount fallbackapplicationname maxlifetime maxidletime maxpoolsize
	minpoolsize poolsize maxoverflow poolrecycle poolpreping poolmaxconns poolminconns poolmaxconnlifetime
	poolmaxconnidletime maxconnections minconnections idletimeout querytimeout acquiretimeout commandtimeout
	connectionlifetime pooling timeout max min pool prepare simpleprotocol defaultqueryexecmode prefersimpleprotocol
	descriptioncachecapacity statementcachecapacity serverversion charset reconnect encoding channelbinding
	krbsrvname`)

// schemas are how other clients name the schema of tables that are named without one.
var schemas = []string{"schema", "currentschema"}

// settingsOfServer are the settings of PostgreSQL that any user may give, by their names or how
// those begin. Those of extensions have a dot in their names.
var (
	settingsOfServer = strings.Fields(`
	application_name array_nulls backend_flush_after backslash_quote bytea_output client_connection_check_interval
	client_encoding client_min_messages commit_delay commit_siblings compute_query_id constraint_exclusion
	createrole_self_grant cursor_tuple_fraction datestyle deadlock_timeout default_statistics_target
	effective_cache_size effective_io_concurrency escape_string_warning event_source event_triggers exit_on_error
	extra_float_digits force_parallel_mode from_collapse_limit gin_fuzzy_search_limit gin_pending_list_limit
	hash_mem_multiplier icu_validation_level idle_in_transaction_session_timeout idle_session_timeout
	ignore_checksum_failure ignore_system_indexes intervalstyle io_combine_limit join_collapse_limit
	local_preload_libraries lock_timeout lo_compat_privileges logical_decoding_work_mem maintenance_io_concurrency
	maintenance_work_mem max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather
	max_stack_depth min_parallel_index_scan_size min_parallel_table_scan_size options parallel_leader_participation
	parallel_setup_cost parallel_tuple_cost password_encryption plan_cache_mode quote_all_identifiers
	random_page_cost recursive_worktable_factor restrict_nonsystem_relation_kind role row_security search_path
	seq_page_cost session_authorization session_preload_libraries session_replication_role
	standard_conforming_strings statement_timeout stats_fetch_consistency synchronize_seqscans synchronous_commit
	temp_buffers temp_file_limit temp_tablespaces timezone timezone_abbreviations transaction_timeout
	transform_null_equals update_process_title work_mem xmlbinary xmloption zero_damaged_pages`)
	settingGroups = strings.Fields("cpu_ debug_ default_ enable_ geqo jit lc_ log_ tcp_ trace_ track_ transaction_ " +
		"vacuum_ wal_")
)

// parametersOf takes what is meant for other clients out of the parameters, and returns the schema that they name.
func parametersOf(params map[string]string, setting, alias string) (schema string, err error) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		lower := strings.ToLower(name)
		plain := strings.ReplaceAll(lower, "_", "")
		switch {
		case slices.Contains(schemas, plain):
			schema = params[name]
			delete(params, name)
		case slices.Contains(settingsOfServer, lower), strings.Contains(name, "."), hasOneOf(lower, settingGroups):
		case slices.Contains(foreign, plain):
			delete(params, name)
		case plain == "ssl", plain == "usessl":
			return "", unknownParameter(name, setting, alias,
				"write sslmode=require, or sslmode=verify-full, which checks the certificate")
		default:
			return "", unknownParameter(name, setting, alias,
				"take it out; a setting of the server is written as options=-c%20name%3Dvalue")
		}
	}
	return schema, nil
}

func hasOneOf(name string, beginnings []string) bool {
	return slices.ContainsFunc(beginnings, func(begins string) bool { return strings.HasPrefix(name, begins) })
}

var parameterName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,62}$`)

// unknownParameter names a parameter, unless the name may be part of a password.
func unknownParameter(name, setting, alias, mend string) error {
	if parameterName.MatchString(name) {
		name = " " + name
	} else {
		name = ""
	}
	return chferry.Errorf(chferry.CodeConfiguration,
		"the %s of database %q has a parameter%s that chferry does not know: %s", setting, alias, name, mend)
}

var poolersParameter = regexp.MustCompile(
	`^unsupported startup parameter(?: in options)?: ([A-Za-z][A-Za-z0-9_.]{0,62})$`)

// refusedParameter translates that a server or pooler does not take a parameter of the URL; nil for anything else.
func (s *Source) refusedParameter(err *pgconn.PgError) error {
	wrap := func(what, mend string) error {
		// The cause quotes the parameter's value: it is not kept.
		return chferry.Errorf(chferry.CodeConfiguration, "database %q at %s refuses %s of its url: %s",
			s.alias, s.address, what, mend)
	}
	if found := poolersParameter.FindStringSubmatch(err.Message); found != nil {
		return wrap("the parameter "+found[1], "take it out, or name it in PgBouncer's ignore_startup_parameters")
	}
	switch err.Code {
	case "42704", "42602", "22023", "22P02", "22003", "55P02":
		for _, name := range s.parameters {
			// The message is in the server's language, but quotes the name.
			if strings.Contains(err.Message, `"`+name+`"`) {
				return wrap("the parameter "+name, "mend its name or value, or take it out")
			}
		}
		return wrap("a parameter", "mend options and the like, or take them out")
	}
	return nil
}
