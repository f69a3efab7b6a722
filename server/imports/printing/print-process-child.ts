// The process that makes what is printed: see print-process.ts.

import { qrPng, qrSvg } from "../../verification/qr-codes.ts";
import { serve } from "../child.ts";
import type { CardToPrint, PrintJob, PrintQuestion } from "./print-process.ts";
import { createSheet } from "./sheet.ts";
import { createZipWriter } from "./zip.ts";

interface Printer {
  add(cards: readonly CardToPrint[]): Promise<Uint8Array>;
  end(): Promise<Uint8Array>;
}

function codes({ slug, maxSupply }: PrintJob, extension: "svg" | "png"): Printer {
  const zip = createZipWriter(new Date());
  const digits = String(maxSupply).length;
  return {
    async add(cards) {
      const files: Uint8Array[] = [];
      for (const { serial, url } of cards) {
        const content = extension === "svg" ? Buffer.from(await qrSvg(url)) : qrPng(url);
        const name = `${slug}/${String(serial).padStart(digits, "0")}.${extension}`;
        files.push(zip.add(name, content, { compressed: extension === "png" }));
      }
      return Buffer.concat(files);
    },
    end: async () => zip.end(),
  };
}

function printerFor(job: PrintJob): Printer {
  switch (job.kind) {
    case "codes-svg":
      return codes(job, "svg");
    case "codes-png":
      return codes(job, "png");
    case "sheet":
      return createSheet(job);
  }
}

let printer: Printer | undefined;

async function answer(question: PrintQuestion): Promise<Uint8Array> {
  if (question === "end") return (await printer?.end()) ?? new Uint8Array();
  if ("cards" in question) return (await printer?.add(question.cards)) ?? new Uint8Array();
  printer = printerFor(question.job);
  return new Uint8Array();
}

serve((question) => answer(question as PrintQuestion));
