/* SPDX-License-Identifier: MIT */
/* What a C++ program asks of a system: exceptions, streams, files, threads; linked with its libraries or without. */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            throw std::logic_error(std::to_string(__LINE__) + ": " #condition);                                        \
    } while (0)

namespace
{

struct Shape {
    virtual ~Shape() = default;
    virtual int sides() const = 0;
};

struct Square : Shape {
    int sides() const override
    {
        return 4;
    }
};

int destroyed;
thread_local int own = 1;

struct Guard {
    ~Guard()
    {
        destroyed++;
    }
};

int deep(int levels)
{
    Guard guard;

    if (levels == 0)
        throw std::out_of_range("deep enough");
    return deep(levels - 1) + 1;
}

void exceptions()
{
    bool is_caught = false;

    try {
        try {
            deep(100);
        } catch (const std::range_error &) {
            CHECK(false);
        }
    } catch (const std::exception &exception) {
        is_caught = std::string(exception.what()) == "deep enough";
    }
    CHECK(is_caught && destroyed == 101);
    const std::unique_ptr<Shape> shape = std::make_unique<Square>();
    CHECK(dynamic_cast<Square *>(shape.get()) != nullptr && shape->sides() == 4);
    is_caught = false;
    try {
        static_cast<void>(std::vector<int>(3).at(3));
    } catch (const std::out_of_range &) {
        is_caught = true;
    }
    CHECK(is_caught);
}

void streams()
{
    std::ostringstream text;
    int number = 0;
    std::string word;

    text << "number " << 42 << ' ' << std::hex << 255 << ' ' << 1.5;
    CHECK(text.str() == "number 42 ff 1.5");
    std::istringstream in("seven 7");
    CHECK(in >> word >> number && word == "seven" && number == 7);
    CHECK(std::regex_match("ab12", std::regex("[a-z]+([0-9]+)")));
}

void files()
{
    namespace fs = std::filesystem;
    const fs::path folder = fs::path("/tmp") / "cxx";
    std::map<std::string, std::uintmax_t> sizes;
    std::string line;

    fs::create_directories(folder / "inner");
    for (int i = 0; i < 10; i++)
        std::ofstream(folder / "inner" / std::to_string(i)) << std::string(static_cast<size_t>(i), 'x') << '\n';
    for (const auto &entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file())
            sizes[entry.path().filename()] = entry.file_size();
    }
    CHECK(sizes.size() == 10 && sizes["9"] == 10);
    std::ifstream in(folder / "inner" / "3");
    CHECK(std::getline(in, line) && line == "xxx");
    fs::rename(folder / "inner", folder / "other");
    CHECK(fs::exists(folder / "other" / "0") && fs::remove_all(folder) == 12);
}

void threads()
{
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<int> queue;
    std::atomic<long> sum{0};
    std::vector<std::thread> consumers;
    bool is_done = false;

    for (int i = 0; i < 4; i++)
        consumers.emplace_back([&] {
            for (own = 0;; own++) {
                std::unique_lock<std::mutex> lock(mutex);
                changed.wait(lock, [&] { return is_done || !queue.empty(); });
                if (queue.empty())
                    return;
                sum += queue.front();
                queue.pop_front();
            }
        });
    for (int i = 1; i <= 1000; i++) {
        const std::lock_guard<std::mutex> lock(mutex);
        queue.push_back(i);
        changed.notify_one();
    }
    {
        const std::lock_guard<std::mutex> lock(mutex);
        is_done = true;
    }
    changed.notify_all();
    for (auto &consumer : consumers)
        consumer.join();
    CHECK(sum == 500500 && own == 1);
}

void futures()
{
    std::promise<int> promise;
    std::future<int> answer = promise.get_future();
    std::thread teller([&promise] { promise.set_value(6 * 7); });
    std::future<int> failing = std::async(std::launch::async, [] { return deep(3); });
    std::timed_mutex held;
    bool is_caught = false;

    CHECK(answer.get() == 42);
    teller.join();
    try {
        failing.get();
    } catch (const std::out_of_range &) {
        is_caught = true;
    }
    CHECK(is_caught);
    held.lock();
    std::thread([&held] { CHECK(!held.try_lock_for(std::chrono::milliseconds(5))); }).join();
    held.unlock();
    const auto start = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(2));
}

} // namespace

int main()
{
    try {
        exceptions();
        streams();
        files();
        threads();
        futures();
    } catch (const std::exception &exception) {
        std::cout << "cxx: " << exception.what() << std::endl;
        return 1;
    }
    std::cout << "cxx: good" << std::endl;
    return 0;
}
