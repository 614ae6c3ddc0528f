// Asks a server by PostgreSQL's JDBC driver: the queries of standard input, a line each; then a statement with parameters, often
// enough that the driver prepares it on the server and takes binary values; then what tools ask of the metadata.
// Prints a line for each row, its values with tabs between, and a line `--` after each question.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;

public final class Ask {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "anyone");
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        try (Connection connection = DriverManager.getConnection(args[0], properties)) {
            queries(connection);
            prepared(connection);
            paged(connection);
            metadata(connection);
        }
    }

    private static void queries(Connection connection) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            try (Statement statement = connection.createStatement()) {
                print(statement.executeQuery(line));
            }
        }
    }

    private static void prepared(Connection connection) throws SQLException {
        String text = "SELECT e.index, e.time > ?, n.leaf_hash IS NOT NULL FROM events e JOIN entries n ON n.index = e.index "
            + "WHERE e.actor_id = ? AND e.index < ? ORDER BY e.index LIMIT 3";
        try (PreparedStatement statement = connection.prepareStatement(text)) {
            for (int round = 0; round < 8; round++) {
                statement.setTimestamp(1, new java.sql.Timestamp(0));
                statement.setString(2, "u-" + round % 7);
                statement.setLong(3, 1000);
                print(statement.executeQuery());
            }
        }
    }

    // In a transaction the driver fetches so many rows at a time from a portal.
    private static void paged(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        connection.setReadOnly(true);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(7);
            print(statement.executeQuery("SELECT index FROM events ORDER BY index LIMIT 20"));
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    private static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData metadata = connection.getMetaData();
        System.out.println(metadata.getDatabaseProductName() + "\t" + metadata.getDatabaseProductVersion());
        System.out.println("--");
        columns(metadata.getSchemas(), "TABLE_SCHEM");
        columns(metadata.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME");
        columns(metadata.getColumns(null, "public", "streams", "%"), "COLUMN_NAME", "TYPE_NAME");
        System.out.println(connection.getTransactionIsolation() + "\t" + connection.isValid(30));
        System.out.println("--");
        columns(metadata.getCatalogs(), "TABLE_CAT");
        types(metadata);
        System.out.println(metadata.getDefaultTransactionIsolation() + "\t" + metadata.getMaxColumnsInIndex());
        System.out.println("--");
        columns(metadata.getTablePrivileges(null, "public", "events"), "PRIVILEGE");
        columns(metadata.getColumnPrivileges(null, "public", "entries", "%"), "COLUMN_NAME", "PRIVILEGE");
        nothing(metadata);
    }

    // Of what there is not, which tools ask all the same.
    private static void nothing(DatabaseMetaData metadata) throws SQLException {
        columns(metadata.getPrimaryKeys(null, "public", "events"), "COLUMN_NAME");
        columns(metadata.getImportedKeys(null, "public", "changes"), "FK_NAME");
        columns(metadata.getExportedKeys(null, "public", "events"), "FK_NAME");
        columns(metadata.getCrossReference(null, "public", "events", null, "public", "changes"), "FK_NAME");
        columns(metadata.getIndexInfo(null, "public", "events", false, true), "INDEX_NAME");
        columns(metadata.getFunctions(null, null, "%"), "FUNCTION_NAME");
        columns(metadata.getProcedures(null, null, "%"), "PROCEDURE_NAME");
        columns(metadata.getBestRowIdentifier(null, "public", "events", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME");
    }

    // The types that our columns have, of all that PostgreSQL has.
    private static void types(DatabaseMetaData metadata) throws SQLException {
        TreeSet<String> ours = new TreeSet<>();
        try (ResultSet rows = metadata.getTypeInfo()) {
            while (rows.next()) {
                ours.add(rows.getString("TYPE_NAME"));
            }
        }
        ours.retainAll(Set.of("bool", "bytea", "int8", "text", "timestamptz"));
        ours.forEach(System.out::println);
        System.out.println("--");
    }

    private static void columns(ResultSet rows, String... names) throws SQLException {
        while (rows.next()) {
            StringBuilder line = new StringBuilder();
            for (String name : names) {
                line.append(line.length() == 0 ? "" : "\t").append(rows.getString(name));
            }
            System.out.println(line);
        }
        System.out.println("--");
    }

    private static void print(ResultSet rows) throws SQLException {
        int count = rows.getMetaData().getColumnCount();
        while (rows.next()) {
            StringBuilder line = new StringBuilder();
            for (int column = 1; column <= count; column++) {
                line.append(column == 1 ? "" : "\t").append(rows.getString(column));
            }
            System.out.println(line);
        }
        System.out.println("--");
    }
}
