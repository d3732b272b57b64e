/** What the host offers in the sandbox, as the bindings of the interface write it. */

declare module "konductor:plugin/cloud@0.1.0" {
  const cloud: {
    send(request: {
      endpoint: string;
      region: string | null;
      method: string;
      path: string;
      query: [string, string][];
      headers: [string, string][];
      body: Uint8Array;
      idempotent: boolean;
    }): { status: number; headers: [string, string][]; body: Uint8Array };
  };
  export default cloud;
}

declare module "konductor:plugin/log@0.1.0" {
  const log: { write(level: string, message: string, fields: [string, string][]): void };
  export default log;
}

declare module "konductor:plugin/clock@0.1.0" {
  const clock: { now(): number };
  export default clock;
}

declare module "konductor:plugin/random@0.1.0" {
  const random: { bytes(length: number): Uint8Array };
  export default random;
}
