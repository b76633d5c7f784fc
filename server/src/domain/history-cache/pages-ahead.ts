import type { EncodedPage } from "./encoded-page.js";

/** Which page to read: after a sequence, and how many messages at the most. */
export interface PageRequest {
  readonly after: number;
  readonly maxItems: number;
  /** Up to which sequence it goes at the most: the end of the history by default. */
  readonly through?: number;
}

/** A page that was read of a range. */
export interface EncodedPart extends Pick<EncodedPage, "messages" | "isOneLarge"> {
  /** Up to which sequence there are no others. */
  readonly through: number;
}

interface PageAhead {
  readonly after: number;
  readonly page: EncodedPart | Promise<EncodedPart>;
}

/** Pages that are read before they are taken. */
export class PagesAhead {
  readonly #read: (request: PageRequest) => Promise<EncodedPart>;
  #pages: readonly PageAhead[] = [];

  constructor(read: (request: PageRequest) => Promise<EncodedPart>) {
    this.#read = read;
  }

  /** Whether the page after a sequence is here, or on its way. */
  has(after: number): boolean {
    return this.#find(after) !== undefined;
  }

  /** Puts a page here that was read already. */
  put(after: number, page: EncodedPart): void {
    this.#pages = [...this.#pages, { after, page }];
  }

  /** Reads these pages, unless that was begun before, and drops all others: they begin where none ended. */
  begin(requests: readonly PageRequest[]): void {
    this.#pages = requests.map((request) => this.#find(request.after) ?? this.#begun(request));
  }

  /** Takes a page, which is read now if that was not begun. */
  take(request: PageRequest): EncodedPart | Promise<EncodedPart> {
    const taken = this.#find(request.after);
    if (taken === undefined) return this.#read(request);
    this.#pages = this.#pages.filter((page) => page !== taken);
    return taken.page;
  }

  #find(after: number): PageAhead | undefined {
    return this.#pages.find((page) => page.after === after);
  }

  #begun(request: PageRequest): PageAhead {
    const page = this.#read(request);
    // It is awaited later, or not at all if the reader leaves before.
    page.catch(() => undefined);
    return { after: request.after, page };
  }
}
