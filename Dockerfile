# motionveil on the CPU:
#   docker build --tag motionveil .
#   docker run --rm --network none --user "$(id -u):$(id -g)" --volume "$PWD:/work" motionveil obfuscate film.mp4
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE THIRD_PARTY.md ./
COPY src src
RUN pip wheel --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
COPY constraints.txt /tmp/constraints.txt
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /tmp/constraints.txt /wheels/*.whl \
    && rm /tmp/constraints.txt
# Any user may run it: nothing is written outside the working folder, but converted networks, which may be lost.
ENV MOTIONVEIL_CACHE=/tmp/motionveil \
    HOME=/tmp
RUN useradd --create-home motionveil
USER motionveil
WORKDIR /work
ENTRYPOINT ["motionveil"]
CMD ["--help"]
