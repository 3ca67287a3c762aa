#include "base/database_copy.h"

#include <bit>

#include "base/database_driver.h"
#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

enum class Kind { whole, real, text };

struct Column {
  std::string name, definition;
  Kind kind = Kind::text;
};
struct Table {
  std::string name;
  std::vector<Column> columns;
};

bool is_server(Database& database) {
  return database.driver().is_server();
}
std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}
std::string quoted_names(const Table& table) {
  std::string names;
  for (const Column& column : table.columns)
    names += (names.empty() ? "" : ", ") + quoted(column.name);
  return names;
}

std::vector<std::string> texts(Database& database, std::string_view sql, const Values& values) {
  std::vector<std::string> all;
  database.each(sql, values, [&](const Row& row) { all.emplace_back(row.text(0)); });
  return all;
}

Kind kind_of(const std::string& type) {
  if (type == "bigint" || type == "integer" || type == "int") return Kind::whole;
  if (type == "double precision" || type == "real") return Kind::real;
  if (type == "text") return Kind::text;
  fail(Fault::internal, "a column of a kind that is not copied: " + type);
}

// What PostgreSQL says of a constant: "''::text".
std::string without_types(std::string text) {
  for (const char* type :
       {"::text", "::bigint", "::double precision", " NULLS LAST", " USING btree"})
    for (std::size_t at; (at = text.find(type)) != std::string::npos;)
      text.erase(at, std::string_view(type).size());
  return text;
}

Table table_on_file(Database& database, const std::string& name) {
  Table table{name, {}};
  database.each("SELECT name, type FROM pragma_table_info(?) ORDER BY cid", {name},
                [&](const Row& row) {
                  const std::string type(row.text(1));
                  table.columns.push_back({std::string(row.text(0)), "", kind_of(lower(type))});
                });
  return table;
}

Table table_on_server(Database& database, const std::string& name) {
  Table table{name, {}};
  database.each(
      "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity <> '', "
      "pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
      "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
      "WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ? AND a.attnum > 0 "
      "AND NOT a.attisdropped ORDER BY a.attnum",
      {name}, [&](const Row& row) {
        const std::string type(row.text(1));
        std::string definition = type == "bigint" ? "BIGINT"
                                 : type == "text" ? "TEXT"
                                                  : "DOUBLE PRECISION";
        if (row.integer(3)) definition = "INTEGER PRIMARY KEY";
        if (row.integer(2) && !row.integer(3)) definition += " NOT NULL";
        if (!row.is_null(4)) definition += " DEFAULT " + without_types(std::string(row.text(4)));
        table.columns.push_back({std::string(row.text(0)), definition, kind_of(type)});
      });
  return table;
}

Table table_of(Database& database, const std::string& name) {
  return is_server(database) ? table_on_server(database, name) : table_on_file(database, name);
}

bool counts_itself(const Column& column) {
  return column.definition == "INTEGER PRIMARY KEY";
}

// The definition of a table of a server, for a file.
std::string definition_on_server(Database& database, const Table& table) {
  std::string parts;
  bool counts = false;
  for (const Column& column : table.columns) {
    parts += (parts.empty() ? "" : ", ") + quoted(column.name) + " " + column.definition;
    counts = counts || counts_itself(column);
  }
  for (const std::string& rule :
       texts(database,
             "SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = "
             "k.conrelid WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ? "
             "AND k.contype IN ('p', 'u') ORDER BY k.conname",
             {table.name}))
    if (!counts || !rule.starts_with("PRIMARY KEY")) parts += ", " + rule;
  return "CREATE TABLE " + quoted(table.name) + "(" + parts + ")";
}

std::vector<std::string> table_definitions(Database& database) {
  if (!is_server(database))
    return texts(database,
                 "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                 "AND name <> ? ORDER BY name",
                 {kMoveTable});
  std::vector<std::string> all;
  for (const std::string& name : tables_of(database))
    all.push_back(definition_on_server(database, table_on_server(database, name)));
  return all;
}

std::vector<std::string> index_definitions(Database& database) {
  if (!is_server(database))
    return texts(database,
                 "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
                 "ORDER BY name",
                 {});
  const std::string schema = texts(database, "SELECT current_schema()", {}).at(0);
  std::vector<std::string> all;
  for (const std::string& text :
       texts(database,
             "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = "
             "i.indrelid WHERE c.relnamespace = current_schema()::regnamespace AND NOT EXISTS "
             "(SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY 1",
             {})) {
    std::string sql = without_types(text);
    for (const std::string& of : {" ON " + schema + ".", " ON \"" + schema + "\"."})
      if (const std::size_t at = sql.find(of); at != std::string::npos)
        sql.replace(at, of.size(), " ON ");
    all.push_back(std::move(sql));
  }
  return all;
}

Values values_of(const Row& row, const Table& table) {
  Values values;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const int at = static_cast<int>(i);
    const Kind kind = table.columns[i].kind;
    if (row.is_null(at))
      values.emplace_back(nullptr);
    else if (kind == Kind::whole)
      values.emplace_back(row.integer(at));
    else if (kind == Kind::real)
      values.emplace_back(row.real(at));
    else
      values.emplace_back(row.text(at));
  }
  return values;
}

// FNV-1a over kinds and bytes, mixed well enough that sums tell sets of rows apart.
std::uint64_t fingerprint(const Values& values) {
  std::uint64_t hash = 14695981039346656037u;
  const auto add = [&](const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 1099511628211u;
  };
  for (const Value& value : values) {
    const auto kind = static_cast<char>(value.index());
    add(&kind, 1);
    std::uint64_t bits = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&value))
      bits = std::bit_cast<std::uint64_t>(*whole);
    if (const auto* real = std::get_if<double>(&value)) bits = std::bit_cast<std::uint64_t>(*real);
    const auto* text = std::get_if<std::string_view>(&value);
    if (text) bits = text->size();
    add(reinterpret_cast<const char*>(&bits), sizeof bits);
    if (text) add(text->data(), text->size());
  }
  hash = (hash ^ (hash >> 31)) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

// What is read of a server meanwhile is of one moment; nobody who writes waits for it.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : database_(database) {
    if (is_server(database_)) database_.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  }
  ~Snapshot() {
    try {
      if (is_server(database_)) database_.script("COMMIT");
    } catch (const Error&) {
      // The connection was lost, and the moment with it.
    }
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Database& database_;
};

// A server sends some rows at a time.
void each_row(Database& database, const Table& table,
              const std::function<void(const Values&)>& use) {
  const std::string sql = "SELECT " + quoted_names(table) + " FROM " + quoted(table.name);
  const auto take = [&](const Row& row) { use(values_of(row, table)); };
  if (!is_server(database)) return database.each(sql, {}, take);
  const std::string cursor = quoted("rows_of_" + table.name);
  database.script("DECLARE " + cursor + " NO SCROLL CURSOR FOR " + sql);
  for (bool more = true; more;) {
    more = false;
    database.each("FETCH 5000 FROM " + cursor, {}, [&](const Row& row) {
      more = true;
      take(row);
    });
  }
  database.script("CLOSE " + cursor);
}

TableContent content_of(Database& database, const std::string& name) {
  TableContent content{name};
  each_row(database, table_of(database, name),
           [&](const Values& values) { ++content.rows, content.sum += fingerprint(values); });
  return content;
}

TableContent copy_table(Database& from, Database& to, const std::string& name) {
  const Table table = table_of(from, name);
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(quoted(column.name));
  TableContent sent{name};
  const auto sink = to.driver().load(quoted(name), names);
  each_row(from, table, [&](const Values& values) {
    ++sent.rows, sent.sum += fingerprint(values);
    sink->add(values);
  });
  sink->finish();
  if (content_of(to, name) != sent)
    fail(Fault::storage, name + ": what arrived is not what was sent; nothing was kept");
  return sent;
}

// Numbers that a server gives go on after those that came with the rows.
void go_on_counting(Database& database, const std::string& name) {
  for (const Column& column : table_on_server(database, name).columns)
    if (counts_itself(column))
      database.run("SELECT setval(pg_get_serial_sequence('" + name + "', '" + column.name +
                   "'), max(" + quoted(column.name) + ")) FROM " + quoted(name));
}

}  // namespace

std::vector<std::string> tables_of(Database& database) {
  return texts(
      database,
      is_server(database)
          ? "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "current_schema()::regnamespace AND relname <> ? ORDER BY relname COLLATE \"C\""
          : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
            "'sqlite_%' AND name <> ? ORDER BY name",
      {kMoveTable});
}

Contents contents_of(Database& database) {
  const Snapshot moment(database);
  Contents all;
  for (const std::string& name : tables_of(database)) all.push_back(content_of(database, name));
  return all;
}

Contents copy_rows(Database& from, Database& to) {
  for (const std::string& sql : table_definitions(from)) to.script(sql);
  Contents all;
  for (const std::string& name : tables_of(from)) {
    all.push_back(copy_table(from, to, name));
    if (is_server(to)) go_on_counting(to, name);
  }
  for (const std::string& sql : index_definitions(from)) to.script(sql);
  return all;
}

void copy_rows_to_file(Database& from, const fs::path& file) {
  Database to(file);
  to.script("PRAGMA journal_mode = DELETE");
  const Snapshot moment(from);
  to.transaction([&] { copy_rows(from, to); });
}

}  // namespace cangong
