import {
  type DescEnum,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/**
 * The descriptors of services, of further files and of all that they use, by the names that
 * clients ask for.
 *
 * A file is given as `google.protobuf.FileDescriptorProto`, itself first and then every
 * file that it imports, so that one answer is all that a client needs.
 */
export class DescriptorIndex {
  /** The full names of the services. */
  readonly serviceNames: readonly string[];
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #messages = new Set<string>();

  constructor(services: readonly DescService[], files: readonly DescFile[] = []) {
    this.serviceNames = services.map((service) => service.typeName);
    for (const file of [...services.map((service) => service.file), ...files]) this.#addFile(file);
  }

  /** Gives a file, by its path without or with `.proto`. */
  fileByName(name: string): Uint8Array[] | undefined {
    return encode(this.#files.get(name.replace(/\.proto$/, "")));
  }

  /** Gives the file that declares a service, method, message, field, enum or enum value. */
  fileOfSymbol(symbol: string): Uint8Array[] | undefined {
    return encode(this.#symbols.get(symbol.replace(/^\./, "")));
  }

  /** Whether there is a message of this full name. */
  hasMessage(typeName: string): boolean {
    return this.#messages.has(typeName);
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.name)) return;
    this.#files.set(file.name, file);
    for (const service of file.services) {
      this.#symbols.set(service.typeName, file);
      for (const { name } of service.methods)
        this.#symbols.set(`${service.typeName}.${name}`, file);
    }
    for (const message of file.messages) this.#addMessage(message);
    for (const enumeration of file.enums) this.#addEnum(enumeration);
    for (const dependency of file.dependencies) this.#addFile(dependency);
  }

  #addMessage(message: DescMessage): void {
    this.#messages.add(message.typeName);
    this.#symbols.set(message.typeName, message.file);
    for (const { name } of [...message.fields, ...message.oneofs]) {
      this.#symbols.set(`${message.typeName}.${name}`, message.file);
    }
    for (const nested of message.nestedMessages) this.#addMessage(nested);
    for (const nested of message.nestedEnums) this.#addEnum(nested);
  }

  #addEnum(enumeration: DescEnum): void {
    this.#symbols.set(enumeration.typeName, enumeration.file);
    // The values of an enum are named beside it, not below it.
    const scope = enumeration.typeName.slice(0, -enumeration.name.length);
    for (const { name } of enumeration.values) this.#symbols.set(scope + name, enumeration.file);
  }
}

function encode(file: DescFile | undefined): Uint8Array[] | undefined {
  if (file === undefined) return undefined;
  return [...withImports(file)].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
}

function withImports(file: DescFile, seen = new Set<DescFile>()): Set<DescFile> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const dependency of file.dependencies) withImports(dependency, seen);
  return seen;
}
