import { appendFileSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { expect } from "chai";
import { type SqliteFiles, watchSqliteFiles } from "../../../server/database/sqlite-files.ts";

/** A header of the log, and of each frame in it; a page. */
const [LOG_HEADER, FRAME_HEADER, PAGE] = [32, 24, 4_096];

describe("the files of an SQLite database that is open", () => {
  let folder: string;
  let log: string;
  let database: Sqlite.Database;
  let files: SqliteFiles;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-files-"));
    const file = join(folder, "mintmark.db");
    log = `${file}-wal`;
    database = new Sqlite(file);
    database.pragma("journal_mode = WAL");
    database.exec("CREATE TABLE kept (value BLOB)");
    files = watchSqliteFiles(file);
    write();
    expect(files.problem()).to.equal(undefined);
  });
  afterEach(() => {
    files.close();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function write(): void {
    database.exec("INSERT INTO kept VALUES (zeroblob(20000))");
  }

  it("are well where a frame is written in part, as while it is written, or when the disk is full", () => {
    const whole = statSync(log).size;
    expect((whole - LOG_HEADER) % (FRAME_HEADER + PAGE)).to.equal(0);
    for (const part of [8, FRAME_HEADER, FRAME_HEADER + PAGE / 2, FRAME_HEADER + PAGE - 1]) {
      appendFileSync(log, Buffer.alloc(part));
      expect(files.problem()).to.equal(undefined);
      // What was there in part is written anew.
      write();
      expect(files.problem(), `after ${part} bytes`).to.equal(undefined);
    }
  });

  it("are beside what a link leads to", () => {
    const link = join(folder, "link.db");
    symlinkSync(join(folder, "mintmark.db"), link);
    const linked = watchSqliteFiles(link);
    write();
    expect(linked.problem()).to.equal(undefined);
    truncateSync(log, LOG_HEADER + FRAME_HEADER + PAGE);
    expect(linked.problem()).to.match(/-wal was cut/);
    linked.close();
  });

  it("are cut where the log is shorter, or has grown again over what it has lost", () => {
    truncateSync(log, LOG_HEADER + FRAME_HEADER + PAGE);
    const cut = /-wal was cut while the server ran/;
    write();
    expect(files.problem()).to.match(cut);
    write();
    truncateSync(log, LOG_HEADER + FRAME_HEADER + PAGE);
    expect(files.problem()).to.match(cut);
  });
});
