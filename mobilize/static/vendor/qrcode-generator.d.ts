/** What our scripts use of `qrcode-generator.js`. */
export interface QRCode {
  addData(data: string, mode: "Numeric" | "Alphanumeric" | "Byte"): void;
  make(): void;
  getModuleCount(): number;
  isDark(row: number, column: number): boolean;
}

/** `version` 0: the smallest that holds the data. */
export function qrcode(version: number, errorCorrection: "L" | "M" | "Q" | "H"): QRCode;
